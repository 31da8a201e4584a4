import { expect, test } from "vitest"
import { z } from "zod"
import { encodeAttestation } from "./attestation.ts"
import { text } from "./bytes.ts"
import { ingestSchemas, readIngestSchema } from "./ingest-json-schema.fixture.ts"
import { ownVectors } from "./testing/vectors.ts"

interface Vectors {
  readonly events: Record<"accepted" | "refused", readonly { why: string; body: string }[]>
  readonly statements: Record<"accepted" | "refused", readonly { why: string; statement: string }[]>
}

const { events, statements } = ownVectors<Vectors>("ingest.json")
const published = (name: string): z.ZodType =>
  z.fromJSONSchema(readIngestSchema(`${name}.schema.json`) as z.core.JSONSchema.JSONSchema)
const factsOf = (body: string): { type: string; facts: unknown } =>
  JSON.parse(body) as { type: string; facts: unknown }

test.each([...ingestSchemas])("%s is the schema by which events are read", (name, schema) => {
  expect(readIngestSchema(name)).toEqual(schema)
})

test.each(events.accepted)("its published schema accepts $why", ({ body }) => {
  const { type, facts } = factsOf(body)
  expect(published(type).safeParse(facts).success).toBe(true)
})

/** What is wrong with the channel is no matter of the facts. */
const ofFacts = events.refused.filter(({ why }) => !/gateway|owner|as a claim/u.test(why))

test.each(ofFacts)("its published schema refuses $why", ({ body }) => {
  const { type, facts } = factsOf(body)
  expect(published(type).safeParse(facts).success).toBe(false)
})

test("the schema of the statement accepts what an auditor signs, and of the refused what compares members", () => {
  const statement = published("attestation-statement")
  const accepts = (each: string): boolean => statement.safeParse(JSON.parse(each)).success
  for (const each of statements.accepted) expect(accepts(each.statement), each.why).toBe(true)
  const passed = statements.refused.filter((each) => accepts(each.statement))
  expect(passed.map(({ why }) => why)).toEqual([
    "a range that ends before it begins",
    "another event as its subject",
    "another range as its subject",
    "another agent as its subject",
  ])
  const own = { lane: "main", first_aseq: 0, last_aseq: 0, reason: "seen" }
  const hashes = { first_event_hash: "ab".repeat(32), last_event_hash: "ab".repeat(32) }
  expect(accepts(text(encodeAttestation({ workspace: "w", agent: "a", ...own, ...hashes })))).toBe(
    true,
  )
})
