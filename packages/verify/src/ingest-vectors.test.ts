import { readFileSync } from "node:fs"
import { factSchemas, parseAttestation, parseEvent, utf8 } from "@amc/core"
import { expect, test } from "vitest"
import { attestationFindings } from "./attestation-check.ts"
import { ingestVectors, type IngestVectors, ingestVectorsFile } from "./ingest-vectors.fixture.ts"
import { makeWorld } from "./world.fixture.ts"

const vectors = JSON.parse(readFileSync(ingestVectorsFile, "utf8")) as IngestVectors
const malformed = expect.objectContaining({ code: "input/malformed" })

test("R3, S7: the vectors of trace claims and attestations are those that are made here", () => {
  expect(ingestVectors()).toEqual(vectors)
})

test.each(vectors.events.accepted)("accepts as an event $why", ({ body }) => {
  const { type, facts } = parseEvent(utf8(body))
  expect(factSchemas[type].parse(facts)).toEqual(facts)
})

test.each(vectors.events.refused)("refuses as an event $why", ({ body }) => {
  expect(() => parseEvent(utf8(body))).toThrow(malformed)
})

test.each(vectors.statements.accepted)("accepts as a statement $why", ({ statement }) => {
  expect(parseAttestation(utf8(statement)).agent).toBe("coder")
})

test.each(vectors.statements.refused)("refuses as a statement $why", ({ statement }) => {
  expect(() => parseAttestation(utf8(statement))).toThrow(malformed)
})

test.each(vectors.attested)("an attestation $why", ({ event, envelope, findings }) => {
  const { keyring } = makeWorld(vectors.seed)
  const bytes = envelope === null ? null : utf8(envelope)
  const found = attestationFindings(parseEvent(utf8(event)), bytes, { keyring, subject: "it" })
  expect(found.map(({ code, tampered }) => ({ code, tampered }))).toEqual(findings)
})

test("of the attestations only those that say what the event says are without a finding", () => {
  const clean = vectors.attested.filter(({ findings }) => findings.length === 0)
  expect(clean.map(({ why }) => why)).toEqual([
    "the auditor signed what the event says",
    "for another reason, which is the auditor's own",
  ])
})
