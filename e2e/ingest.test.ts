import { createHash } from "node:crypto"
import { appendFileSync, cpSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { amcJson, type Envelope } from "./testing/amc.ts"
import { eventsOf, measuredOf } from "./testing/evidence.ts"
import { issueLease, startGateway } from "./testing/gateway.ts"
import { startUpstream, type Upstream } from "./testing/upstream.ts"
import { addProvider, makeWorkspace, type TestWorkspace } from "./testing/workspace.ts"

const minute = 60_000
let own: TestWorkspace
let upstream: Upstream
let calls: Attributes[]
let foreign: Attributes
let later: Attributes

type Attributes = Readonly<Record<string, string>>

beforeAll(async () => {
  own = await makeWorkspace()
  upstream = await startUpstream(({ body }, response) => {
    response.setHeader("content-type", "application/json")
    response.end(JSON.stringify({ said: body.toString() }))
  })
  await addProvider(own, "up", upstream)
  calls = await callsOf("coder", 20)
  ;[foreign] = (await callsOf("other", 1)) as [Attributes]
  cpSync(join(own.dir, "ledger"), join(own.top, "older"), { recursive: true })
  ;[later] = (await callsOf("coder", 1)) as [Attributes]
}, 3 * minute)

afterAll(async () => {
  await upstream?.close()
  await own?.close()
})

/** Calls through a gateway, as a runtime that keeps receipts tells of them. */
async function callsOf(agent: string, count: number): Promise<Attributes[]> {
  const gateway = await startGateway(own)
  const { token } = await issueLease(own, agent, "up")
  const told: Attributes[] = []
  for (let at = 0; at < count; at++) {
    const body = JSON.stringify({ model: "m", agent, at })
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" }
    const url = `${gateway.url}/up/v1/chat/completions`
    const response = await fetch(url, { method: "POST", headers, body })
    told.push({
      "gen_ai.operation.name": "chat",
      "amc.request_receipt": response.headers.get("x-amc-request-receipt") ?? "",
      "amc.receipt": response.headers.get("x-amc-receipt") ?? "",
      "amc.request_body_sha256": sha256(body),
      "amc.body_sha256": sha256(await response.text()),
    })
  }
  await gateway.stop()
  return told
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex")
}

let spans = 0

/** Each line is a span of its own, unless it is given a number. */
function lineOf(attributes: Attributes, spanId: number = ++spans): string {
  const list = Object.entries(attributes).map(([key, value]) => ({
    key,
    value: { stringValue: value },
  }))
  const span = { spanId: String(spanId), name: "chat", attributes: list }
  return `${JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] })}\n`
}

function fileOf(name: string, text: string | Uint8Array): string {
  const path = join(own.top, name)
  writeFileSync(path, text)
  return path
}

function ingest(path: string, format: string, ...more: readonly string[]): Promise<Envelope> {
  return amcJson(own, ["ingest", path, "--agent", "coder", "--format", format, ...more])
}

function without(attributes: Attributes, ...names: readonly string[]): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => !names.includes(name)))
}

const cases: readonly { why: string; verdict: string; wrong: () => Attributes }[] = [
  { why: "none at all", verdict: "no-receipt", wrong: () => without(calls[0]!, "amc.receipt") },
  {
    why: "one with a bit changed",
    verdict: "receipt-invalid",
    wrong: () => ({ ...calls[0]!, "amc.receipt": flipped(calls[0]!["amc.receipt"]!) }),
  },
  {
    why: "words",
    verdict: "receipt-invalid",
    wrong: () => ({ ...calls[0]!, "amc.receipt": "ok" }),
  },
  {
    why: "a request's in the response's place",
    verdict: "receipt-invalid",
    wrong: () => ({ ...calls[0]!, "amc.receipt": calls[0]!["amc.request_receipt"]! }),
  },
  {
    why: "the request's of another call",
    verdict: "receipt-invalid",
    wrong: () => ({
      ...calls[0]!,
      "amc.request_receipt": calls[1]!["amc.request_receipt"]!,
      "amc.request_body_sha256": calls[1]!["amc.request_body_sha256"]!,
    }),
  },
  { why: "another agent's", verdict: "agent-mismatch", wrong: () => foreign },
  {
    why: "one for another answer",
    verdict: "body-mismatch",
    wrong: () => ({ ...calls[0]!, "amc.body_sha256": sha256("a better answer") }),
  },
  {
    why: "one for another request",
    verdict: "body-mismatch",
    wrong: () => ({ ...calls[0]!, "amc.request_body_sha256": sha256("another question") }),
  },
  {
    why: "one without the body's digest",
    verdict: "body-mismatch",
    wrong: () => without(calls[0]!, "amc.body_sha256"),
  },
  { why: "one that another span bears", verdict: "replayed", wrong: () => calls[1]! },
]

function flipped(receipt: string): string {
  const at = receipt.length - 40
  return `${receipt.slice(0, at)}${receipt[at] === "A" ? "B" : "A"}${receipt.slice(at + 1)}`
}

test(
  "S7: genuine receipts correlate, and a dry run records nothing",
  { timeout: minute },
  async () => {
    const path = fileOf("dry.jsonl", calls.map((each) => lineOf(each)).join(""))
    const before = (await eventsOf(own.dir)).length
    const { exit, data } = await ingest(path, "otlp", "--dry-run")
    expect(exit).toBe(0)
    expect(data.trace).toMatchObject({ calls: 20, verdicts: { correlated: 20 }, low: false })
    expect(await eventsOf(own.dir)).toHaveLength(before)
  },
)

test.each(cases)(
  "S7: a call with $why is told as $verdict",
  { timeout: minute },
  async ({ verdict, wrong }) => {
    const lines = [...calls.slice(1), wrong()].map((each) => lineOf(each))
    const { exit, data } = await ingest(fileOf("wrong.jsonl", lines.join("")), "otlp", "--dry-run")
    expect(exit).toBe(1)
    expect(data.trace.verdicts).toMatchObject({ correlated: 19, [verdict]: 1 })
  },
)

test(
  "S7: a receipt of what the ledger lost is told as event-not-found",
  { timeout: minute },
  async () => {
    const [ledger, kept] = [join(own.dir, "ledger"), join(own.top, "kept")]
    renameSync(ledger, kept)
    try {
      cpSync(join(own.top, "older"), ledger, { recursive: true })
      const path = fileOf("lost.jsonl", lineOf(later))
      const { exit, data } = await ingest(path, "otlp", "--dry-run")
      expect(exit).toBe(1)
      expect(data.trace.verdicts).toMatchObject({ "event-not-found": 1 })
    } finally {
      rmSync(ledger, { recursive: true, force: true })
      renameSync(kept, ledger)
    }
  },
)

test(
  "S7: a trace that grows comes in again and is counted once; what is wrong is audited and costs points",
  { timeout: 3 * minute },
  async () => {
    const path = fileOf("trace.jsonl", calls.map((each) => lineOf(each)).join(""))
    const { data: first } = await ingest(path, "otlp")
    expect(first).toMatchObject({ known: false, trace: { calls: 20, known: 0, low: false } })
    expect((await ingest(path, "otlp")).data).toMatchObject({
      known: true,
      lseq: first.lseq,
      trace: { calls: 0, known: 20 },
    })
    const traceAudits = async (): Promise<string[]> =>
      measuredOf(await eventsOf(own.dir), "audit", "coder")
        .map(({ code }) => code)
        .filter((code) => code.startsWith("TRACE_"))
    expect(await traceAudits()).toEqual([])
    const { report: before } = (await amcJson(own, ["run", "--agent", "coder"])).data
    expect(before.traces).toMatchObject({ calls: 20, correlated: 20, correlated_per_mille: 1000 })

    appendFileSync(path, cases.map(({ wrong }) => lineOf(wrong())).join(""))
    const { data: second } = await ingest(path, "otlp")
    expect(second.trace).toMatchObject({ calls: 10, known: 20, low: true })
    expect([...new Set(await traceAudits())].sort()).toEqual([
      "TRACE_AGENT_MISMATCH",
      "TRACE_BODY_HASH_MISMATCH",
      "TRACE_CORRELATION_LOW",
      "TRACE_RECEIPT_INVALID",
    ])
    const { report: after } = (await amcJson(own, ["run", "--agent", "coder"])).data
    expect(after.traces).toMatchObject({ calls: 30, correlated: 20, replayed: 1, no_receipt: 1 })
    expect(before.integrity_index - after.integrity_index).toBe(
      Math.min(40, before.integrity_index),
    )
    expect((await amcJson(own, ["run", "verify", after.run_id])).exit).toBe(0)
  },
)

const hostile: readonly { why: string; format: string; bytes: string | Uint8Array }[] = [
  { why: "an empty file", format: "otlp", bytes: "" },
  {
    why: "random bytes",
    format: "garak",
    bytes: Uint8Array.from({ length: 999 }, (_, at) => (at * 7919) % 251),
  },
  {
    why: "a broken line amid good ones",
    format: "jsonl",
    bytes: '{"outcome":"pass"}\n{"out\n{}\n',
  },
  {
    why: "another tool's file",
    format: "promptfoo",
    bytes: '{"entry_type":"eval","passed":1,"total":1}',
  },
  { why: "deep nesting", format: "inspect", bytes: "[".repeat(1 << 20) },
  { why: "a zip archive", format: "inspect", bytes: "PK\u0003\u0004 and more" },
]

test.each(hostile)(
  "R3: $why is a clear error and leaves nothing behind",
  { timeout: minute },
  async ({ format, bytes }) => {
    const before = (await eventsOf(own.dir)).filter(({ event }) => event.type === "ingest").length
    const ended = await ingest(fileOf("hostile", bytes), format)
    expect(ended).toMatchObject({ exit: 3, findings: [{ code: "input/malformed" }] })
    const after = (await eventsOf(own.dir)).filter(({ event }) => event.type === "ingest").length
    expect(after).toBe(before)
  },
)

test(
  "R3: results come in as SELF_REPORTED, without secrets, and the auditor raises them; a bundle shows both",
  { timeout: 3 * minute },
  async () => {
    const lease = `amc-lease-${"x".repeat(43)}`
    const output = `${own.providerKey} ${lease}`
    const results = { results: { results: [{ success: true, response: { output } }] } }
    const path = fileOf("results.json", JSON.stringify(results, null, 2))
    const { data } = await ingest(path, "promptfoo", "--about", "SK-02")
    expect(data).toMatchObject({ entries: 1, passed: 1, failed: 0, trace: null })
    const skill = async (): Promise<{
      units: unknown
      run: string
      ingested: { latest: { tier: string }[] }
    }> => {
      const { report } = (await amcJson(own, ["run", "--agent", "coder"])).data
      const { units } = report.questions.find(({ id }: { id: string }) => id === "SK-02")
      return { units, run: report.run_id, ingested: report.ingested }
    }
    expect((await skill()).units).toMatchObject({ n: 0, k: 0 })

    const reason = ["--agent", "coder", "--reason", "our own evaluation"]
    const attested = await amcJson(own, ["attest", String(data.lseq), ...reason])
    expect(attested).toMatchObject({ exit: 0, data: { brought_in: 1 } })
    const after = await skill()
    expect(after.units).toMatchObject({ n: 1, k: 1 })
    expect(after.ingested.latest[0]).toMatchObject({ tier: "ATTESTED" })

    const { event } = (await eventsOf(own.dir)).find(({ event: { lseq } }) => lseq === data.lseq)!
    const stored = readFileSync(await blobOf(event.payload!.blob_sha256!), "utf8")
    expect(stored).not.toContain(own.providerKey)
    expect(stored).not.toContain(lease)
    expect(event.payload!.sha256).toBe(sha256(readFileSync(path, "utf8")))

    expect((await amcJson(own, ["verify"])).exit).toBe(0)
    const bundle = join(own.top, "attested.amcbundle")
    const exported = ["bundle", "export", "--agent", "coder", "--run", after.run, "--out", bundle]
    expect((await amcJson(own, exported)).exit).toBe(0)
    expect((await amcJson(own, ["bundle", "verify", bundle, "--root", own.root])).exit).toBe(0)
  },
)

async function blobOf(sha256Hex: string): Promise<string> {
  const { readdirSync } = await import("node:fs")
  const found = readdirSync(own.dir, { recursive: true, encoding: "utf8" }).find((name) =>
    name.endsWith(sha256Hex),
  )
  return join(own.dir, found ?? "")
}

test(
  "R3: only what came in from outside can be attested, and traces are about no question",
  { timeout: minute },
  async () => {
    const reason = ["--agent", "coder", "--reason", "because"]
    const observed = (await eventsOf(own.dir)).find(
      ({ event }) => event.agent === "coder" && event.type === "llm_response",
    )!
    expect(await amcJson(own, ["attest", String(observed.event.lseq), ...reason])).toMatchObject({
      exit: 2,
      findings: [{ code: "usage/invalid" }],
    })
    const path = fileOf("log.jsonl", '{"outcome":"pass"}\n')
    for (const [format, about] of [
      ["otlp", "SK-02"],
      ["jsonl", "RES-06"],
    ] as const)
      expect(await ingest(path, format, "--about", about)).toMatchObject({ exit: 2 })
  },
)

test(
  "S11: claims of each claimant stand beside what is shown, and change no level",
  { timeout: minute },
  async () => {
    const { report: before } = (await amcJson(own, ["run", "--agent", "coder"])).data
    const vendor = fileOf(
      "vendor.yaml",
      "schema: amc.claims/v1\nby: vendor\noverall: 4\nclaims:\n  - {question: LA-05, level: 5}\n",
    )
    const agent = fileOf(
      "agent.json",
      '{"schema":"amc.claims/v1","claims":[{"question":"LA-05","level":2},{"question":"XX-99","level":5}]}',
    )
    expect((await ingest(vendor, "claims")).data).toMatchObject({
      by: "vendor",
      overall: 4,
      unknown_questions: [],
    })
    expect((await ingest(agent, "claims")).data).toMatchObject({
      by: "agent",
      unknown_questions: ["XX-99"],
    })
    const { report } = (await amcJson(own, ["run", "--agent", "coder"])).data
    const limits = report.questions.find(({ id }: { id: string }) => id === "LA-05")
    expect(limits).toMatchObject({
      claimed: 5,
      claims: [
        { by: "agent", level: 2 },
        { by: "vendor", level: 5 },
      ],
    })
    expect(report.claim_gap).toMatchObject({ questions: report.questions.length, overall: 4 })
    const levels = (each: { questions: { level: unknown }[] }): unknown =>
      each.questions.map(({ level }) => level)
    expect(levels(report)).toEqual(levels(before))
  },
)
