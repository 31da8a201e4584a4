import type { z } from "zod"
import { text } from "./bytes.ts"
import { AmcError, malformed } from "./errors.ts"

const jsonSizeMax = 1 << 20

/**
 * Reads JSON of a schema from the very bytes that a signature was checked on. Whitespace and order are
 * free; duplicate keys and a byte order mark are refused, as they are in YAML.
 *
 * @throws {@link AmcError} `input/malformed`, `input/too-large`
 */
export function parseStrictJson<T>(bytes: Uint8Array, schema: z.ZodType<T>, name: string): T {
  if (bytes.length > jsonSizeMax)
    throw new AmcError("input/too-large", `${name} is longer than ${jsonSizeMax} bytes`)
  const source = text(bytes)
  if (source.startsWith("\uFEFF")) throw malformed(`${name} starts with a byte order mark`)
  const parsed = schema.safeParse(readJson(source, name))
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw malformed(
    `${name}: ${issue?.path.join(".") || "document"}: ${issue?.message.toLowerCase()}`,
  )
}

function readJson(source: string, name: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(source)
  } catch (cause) {
    throw malformed(`${name} is not json`, cause)
  }
  if (hasDuplicateKey(source)) throw malformed(`${name} has a key twice`)
  return value
}

/** Of a text that is known to be JSON: there, a colon outside of a string follows a key. */
function hasDuplicateKey(source: string): boolean {
  const open: Set<string>[] = []
  let last = ""
  for (const [token] of source.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]:]/g)) {
    if (token === "{" || token === "[") open.push(new Set())
    else if (token === "}" || token === "]") open.pop()
    else if (token !== ":") last = JSON.parse(token) as string
    else if (open.at(-1)?.has(last) === true) return true
    else open.at(-1)?.add(last)
  }
  return false
}
