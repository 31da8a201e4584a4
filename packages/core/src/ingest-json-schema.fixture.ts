import { readFileSync, writeFileSync } from "node:fs"
import { z } from "zod"
import { attestationPredicate, attestationPredicateType } from "./attestation.ts"
import { hex32 } from "./fact-field.ts"
import { factSchemas } from "./facts.ts"
import { STATEMENT_TYPE } from "./statement.ts"

const folder = new URL("../../../spec/schemas/", import.meta.url)

const statement = z.strictObject({
  _type: z.literal(STATEMENT_TYPE),
  predicate: attestationPredicate,
  predicateType: z.literal(attestationPredicateType),
  subject: z.tuple([
    z.strictObject({ digest: z.strictObject({ sha256: hex32 }), name: z.string() }),
  ]),
})

const published: readonly (readonly [file: string, title: string, schema: z.ZodType])[] = [
  ["trace_claim", "facts of a trace_claim event", factSchemas.trace_claim],
  ["attestation", "facts of an attestation event", factSchemas.attestation],
  ["attestation-statement", "what the auditor signs for an attestation event", statement],
]

/** The schema files by name, as they are to be. */
export const ingestSchemas: ReadonlyMap<string, Record<string, unknown>> = new Map(
  published.map(([file, title, schema]) => [
    `${file}.schema.json`,
    { title, ...z.toJSONSchema(schema, { io: "input" }) },
  ]),
)

export function readIngestSchema(name: string): unknown {
  return JSON.parse(readFileSync(new URL(name, folder), "utf8"))
}

/** `node packages/core/src/ingest-json-schema.fixture.ts` writes them anew. */
if (import.meta.main)
  for (const [name, schema] of ingestSchemas)
    writeFileSync(new URL(name, folder), `${JSON.stringify(schema, null, 2)}\n`)
