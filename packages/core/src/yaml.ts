import { type Document, isAlias, parseAllDocuments, visit } from "yaml"
import type { z } from "zod"
import { text } from "./bytes.ts"
import { AmcError, malformed } from "./errors.ts"

const yamlSizeMax = 1 << 20

/**
 * Reads one YAML document of a schema from the very bytes that a signature was checked on.
 *
 * Aliases, duplicate keys, a byte order mark and several documents are refused: each of them lets one
 * text mean two things to two readers.
 *
 * @throws {@link AmcError} `input/malformed`, `input/too-large`
 */
export function parseYaml<T>(bytes: Uint8Array, schema: z.ZodType<T>, name: string): T {
  if (bytes.length > yamlSizeMax)
    throw new AmcError("input/too-large", `${name} is longer than ${yamlSizeMax} bytes`)
  const source = text(bytes)
  if (source.startsWith("\uFEFF")) throw malformed(`${name} starts with a byte order mark`)
  const documents = parseAllDocuments(source, {
    uniqueKeys: true,
    strict: true,
    version: "1.2",
    schema: "core",
  })
  const [document] = documents
  if (!Array.isArray(documents) || document === undefined || documents.length !== 1)
    throw malformed(`${name} is not one YAML document`)
  return checkDocument(document as Document, schema, name)
}

function checkDocument<T>(document: Document, schema: z.ZodType<T>, name: string): T {
  const [problem] = [...document.errors, ...document.warnings]
  if (problem !== undefined)
    throw malformed(`${name}: ${problem.message.split("\n")[0]?.toLowerCase()}`)
  visit(document, (_, node) => {
    if (isAlias(node)) throw malformed(`${name} has a YAML alias`)
  })
  const parsed = schema.safeParse(document.toJS({ maxAliasCount: 0 }))
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw malformed(
    `${name}: ${issue?.path.join(".") || "document"}: ${issue?.message.toLowerCase()}`,
  )
}
