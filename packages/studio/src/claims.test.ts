import { execFileSync } from "node:child_process"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { sha256Hex, utf8 } from "@amc/core"
import { SecretScanner } from "@amc/gateway"
import { expect, test } from "vitest"
import { recordClaims } from "./claims.ts"
import { listRecorder } from "./session-terms.fixture.ts"
import { temporaryFolder } from "./workspace.fixture.ts"

const terms = { agent: "a1", secrets: new SecretScanner([utf8("sk-very-secret")]) }

function fileOf(text: string | Uint8Array): string {
  const path = join(temporaryFolder(), "claims.json")
  writeFileSync(path, text)
  return path
}

function claimsOf(...claims: unknown[]): string {
  return JSON.stringify({ schema: "amc.claims/v1", claims })
}

const yaml = `schema: amc.claims/v1
by: vendor
overall: 4
claims:
  - {question: SK-01, level: 5, text: always}
`

test.each([
  {
    why: "JSON, as the agent's own if it says nothing of that",
    text: claimsOf(
      { question: "SK-01", level: 5, text: "always" },
      { question: "LA-05", level: 0 },
    ),
    reported: {
      by: "agent",
      overall: null,
      levels: [
        { question: "SK-01", level: 5 },
        { question: "LA-05", level: 0 },
      ],
    },
  },
  {
    why: "YAML",
    text: yaml,
    reported: { by: "vendor", overall: 4, levels: [{ question: "SK-01", level: 5 }] },
  },
])(
  "S11: records claims in one event, as reported, with the file: $why",
  async ({ text, reported }) => {
    const recorder = listRecorder()
    await recordClaims(recorder, { ...terms, path: fileOf(text) })
    const source_sha256 = sha256Hex(utf8(text))
    const size = utf8(text).length
    expect(recorder.observations).toEqual([
      {
        type: "claim",
        channel: "ingest",
        agent: "a1",
        session: null,
        facts: { measured: { source_sha256 }, reported },
        payload: { sha256: source_sha256, size, media: "application/yaml", blob: utf8(text) },
      },
    ])
  },
)

test.each([
  { why: "no mapping", text: "claims", code: "input/malformed" },
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
  {
    why: "a claimant of its own",
    text: yaml.replace("vendor", "auditor"),
    code: "input/malformed",
  },
  {
    why: "an alias",
    text: `${yaml}  - &a {question: SK-02, level: 1}\n  - *a\n`,
    code: "input/malformed",
  },
  { why: "deep nesting", text: "[".repeat(100_000), code: "input/malformed" },
  {
    why: "one question twice",
    text: claimsOf({ question: "SK-1", level: 1 }, { question: "SK-1", level: 2 }),
    code: "input/malformed",
  },
  {
    why: "a question that can be none",
    text: claimsOf({ question: "?", level: 1 }),
    code: "input/malformed",
  },
  {
    why: "a level above 5",
    text: claimsOf({ question: "SK-1", level: 6 }),
    code: "input/malformed",
  },
  {
    why: "a level that is no whole number",
    text: claimsOf({ question: "SK-1", level: 1.5 }),
    code: "input/malformed",
  },
  {
    why: "a level below 0",
    text: claimsOf({ question: "SK-1", level: -1 }),
    code: "input/malformed",
  },
  {
    why: "a member that nobody knows",
    text: claimsOf({ question: "SK-1", level: 1, tier: "OBSERVED" }),
    code: "input/malformed",
  },
  {
    why: "a long text",
    text: claimsOf({ question: "SK-1", level: 1, text: "x".repeat(2001) }),
    code: "input/malformed",
  },
  {
    why: "too many claims",
    text: claimsOf(...Array.from({ length: 257 }, (_, at) => ({ question: `SK-${at}`, level: 1 }))),
    code: "input/malformed",
  },
  { why: "a flood of bytes", text: " ".repeat((1 << 20) + 1), code: "input/too-large" },
])("refuses $why and records none of it", async ({ text, code }) => {
  const recorder = listRecorder()
  await expect(recordClaims(recorder, { ...terms, path: fileOf(text) })).rejects.toMatchObject({
    code,
  })
  expect(recorder.observations).toEqual([])
})

test("what is not there can't be looked at, and a pipe is not waited for", async () => {
  const folder = temporaryFolder()
  execFileSync("mkfifo", [join(folder, "pipe")])
  for (const name of ["gone.json", "pipe", "."])
    await expect(
      recordClaims(listRecorder(), { ...terms, path: join(folder, name) }),
    ).rejects.toMatchObject({ code: "input/unreadable" })
})

test("a key or a lease in the file is masked before it is stored", async () => {
  const lease = `amc-lease-${"a".repeat(43)}`
  const recorder = listRecorder()
  const text = yaml.replace("always", `sk-very-secret ${lease}`)
  await recordClaims(recorder, { ...terms, path: fileOf(text) })
  const blob = Buffer.from(recorder.observations[0]?.payload?.blob as Uint8Array).toString()
  expect(blob).toBe(yaml.replace("always", `${"*".repeat(14)} amc-lease-${"*".repeat(43)}`))
  expect(recorder.observations[0]?.payload?.sha256).toBe(sha256Hex(utf8(text)))
})
