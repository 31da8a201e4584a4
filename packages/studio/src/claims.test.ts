import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { sha256Hex, utf8 } from "@amc/core"
import { expect, test } from "vitest"
import { ingestClaims } from "./claims.ts"
import { listRecorder } from "./session-terms.fixture.ts"
import { temporaryFolder } from "./workspace.fixture.ts"

function fileOf(text: string | Uint8Array): string {
  const path = join(temporaryFolder(), "claims.json")
  writeFileSync(path, text)
  return path
}

function claimsOf(...claims: unknown[]): string {
  return JSON.stringify({ schema: "amc.claims/v1", claims })
}

test("records each claim as reported, under the file's digest and its place in it", async () => {
  const text = claimsOf(
    { question: "SK-01", level: 5, text: "always" },
    { question: "?", level: 0 },
  )
  const recorder = listRecorder()
  expect(await ingestClaims(recorder, "a1", fileOf(text))).toBe(2)
  const source_sha256 = sha256Hex(utf8(text))
  const of = { type: "ingest", channel: "ingest", agent: "a1", session: null }
  expect(recorder.observations).toEqual([
    {
      ...of,
      facts: {
        measured: { source_sha256, entry: 0, entries: 2 },
        reported: { question: "SK-01", level: 5, text: "always" },
      },
    },
    {
      ...of,
      facts: {
        measured: { source_sha256, entry: 1, entries: 2 },
        reported: { question: "?", level: 0, text: "" },
      },
    },
  ])
})

test("a file without a claim records nothing", async () => {
  const recorder = listRecorder()
  expect(await ingestClaims(recorder, "a1", fileOf(claimsOf()))).toBe(0)
  expect(recorder.observations).toEqual([])
})

test.each([
  { why: "no JSON", text: "claims", code: "input/malformed" },
  {
    why: "bytes that are no UTF-8",
    text: Uint8Array.of(0x22, 0xff, 0x22),
    code: "input/malformed",
  },
  {
    why: "another version",
    text: `{"schema":"amc.claims/v2","claims":[]}`,
    code: "input/malformed",
  },
  { why: "a level above 5", text: claimsOf({ question: "q", level: 6 }), code: "input/malformed" },
  {
    why: "a level that is no whole number",
    text: claimsOf({ question: "q", level: 1.5 }),
    code: "input/malformed",
  },
  { why: "a level below 0", text: claimsOf({ question: "q", level: -1 }), code: "input/malformed" },
  {
    why: "a member that nobody knows",
    text: claimsOf({ question: "q", level: 1, tier: "OBSERVED" }),
    code: "input/malformed",
  },
  {
    why: "a long text",
    text: claimsOf({ question: "q", level: 1, text: "x".repeat(201) }),
    code: "input/malformed",
  },
  {
    why: "too many claims",
    text: claimsOf(...Array.from({ length: 1001 }, () => ({ question: "q", level: 1 }))),
    code: "input/malformed",
  },
  { why: "a flood of bytes", text: " ".repeat((1 << 20) + 1), code: "input/too-large" },
])("refuses $why and records none of it", async ({ text, code }) => {
  const recorder = listRecorder()
  await expect(ingestClaims(recorder, "a1", fileOf(text))).rejects.toMatchObject({ code })
  expect(recorder.observations).toEqual([])
})

test("a file that is not there can't be looked at", async () => {
  const path = join(temporaryFolder(), "gone.json")
  await expect(ingestClaims(listRecorder(), "a1", path)).rejects.toMatchObject({
    code: "input/unreadable",
  })
})
