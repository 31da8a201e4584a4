import { readFileSync } from "node:fs"
import * as fc from "fast-check"
import { encodeEvent, type Event, isFault } from "@amc/core"
import { expect, test } from "vitest"
import { ResultCount, type ResultFacts } from "./result-count.ts"
import { JsonDocuments } from "./json-documents.ts"
import { resultFormats } from "./result-format.ts"
import { TraceReader } from "./trace-spans.ts"

type Format = keyof typeof resultFormats

function read(format: Format, ...documents: readonly unknown[]): ResultFacts {
  const count = new ResultCount()
  const reader = resultFormats[format](count)
  for (const document of documents) reader.take(document)
  reader.end()
  return count.facts()
}

const none = { tool: "", entries: 0, passed: 0, failed: 0, undecided: 0, from_ms: -1, to_ms: -1 }
const monday = 1_762_732_800_000

const promptfoo = {
  evalId: "eval-1",
  metadata: { promptfooVersion: "0.121.0" },
  results: {
    version: 3,
    timestamp: "2025-11-10T00:00:00.000Z",
    results: [
      { success: true, failureReason: 0, testIdx: 0, score: 1 },
      { success: false, failureReason: 1, testIdx: 1, score: 0 },
      { success: false, failureReason: 2, testIdx: 2, error: "timeout" },
    ],
    stats: { successes: 3, failures: 0, errors: 0 },
  },
}
/** As garak's own source writes it (0.13 and later, and before); a local time without its zone tells nothing. */
const garak = [
  { entry_type: "start_run setup", "_config.version": "0.13.1", "run.seed": null },
  {
    entry_type: "init",
    garak_version: "0.13.1",
    start_time: "2025-11-10T00:00:00.000001",
    run: "r",
  },
  { entry_type: "attempt", status: 2, probe_classname: "dan.Dan_11_0", outputs: ["ha"] },
  {
    entry_type: "eval",
    probe: "a",
    detector: "d",
    passed: 6,
    fails: 3,
    nones: 1,
    total_evaluated: 9,
    total_processed: 10,
  },
  { entry_type: "eval", probe: "b", detector: "d", passed: 4, total: 5 },
  { entry_type: "probe_summary", probe: "a", inference_counts: { total_evaluated: 10, nones: 0 } },
  { entry_type: "completion", end_time: "2025-11-10T00:01:00.000001", run: "r" },
]
const inspect = {
  version: 2,
  status: "success",
  eval: { task: "t", created: "2025-11-10T00:00:00+00:00", packages: { inspect_ai: "0.3.140" } },
  samples: [
    { id: 1, epoch: 1, scores: { match: { value: "C" } } },
    { id: 2, epoch: 1, scores: { match: { value: "I" }, model: { value: 1 } } },
    { id: 3, epoch: 1, scores: { match: { value: 1.0 }, model: { value: true } } },
    { id: 4, epoch: 1, scores: { match: { value: 0.7 } } },
    { id: 5, epoch: 1, scores: {}, error: { message: "sandbox died" } },
    { id: 6, epoch: 1 },
  ],
}

test.each<{
  format: Format
  why: string
  documents: readonly unknown[]
  facts: Partial<ResultFacts>
}>([
  {
    format: "jsonl",
    why: "outcomes and times where lines have them",
    documents: [
      { outcome: "pass", time: "2025-11-10T00:00:00Z" },
      { outcome: "fail", ts: monday + 5 },
      { outcome: "error", time: "yesterday" },
      { message: "all tests passed" },
    ],
    facts: { entries: 4, passed: 1, failed: 1, undecided: 1, from_ms: monday, to_ms: monday + 5 },
  },
  {
    format: "promptfoo",
    why: "a whole evaluation, by its results and not by its sums",
    documents: [promptfoo],
    facts: {
      tool: "promptfoo 0.121.0",
      entries: 3,
      passed: 1,
      failed: 1,
      undecided: 1,
      from_ms: monday,
      to_ms: monday,
    },
  },
  {
    format: "promptfoo",
    why: "an older file, which is the summary alone",
    documents: [{ version: 2, results: [{ success: true }, { success: false, error: "assert" }] }],
    facts: { tool: "promptfoo", entries: 2, passed: 1, failed: 1 },
  },
  {
    format: "promptfoo",
    why: "one result a line",
    documents: promptfoo.results.results,
    facts: { tool: "promptfoo", entries: 3, passed: 1, failed: 1, undecided: 1 },
  },
  {
    format: "garak",
    why: "its evaluations, old and new, and not its attempts",
    documents: garak,
    facts: {
      tool: "garak 0.13.1",
      entries: 15,
      passed: 10,
      failed: 4,
      undecided: 1,
    },
  },
  {
    format: "inspect",
    why: "samples that every scorer is content with",
    documents: [inspect],
    facts: {
      tool: "inspect_ai 0.3.140",
      entries: 6,
      passed: 2,
      failed: 1,
      undecided: 3,
      from_ms: monday,
      to_ms: monday,
    },
  },
  {
    format: "inspect",
    why: "an evaluation that broke off keeps something back",
    documents: [{ ...inspect, status: "cancelled", samples: inspect.samples.slice(0, 1) }],
    facts: {
      tool: "inspect_ai 0.3.140",
      entries: 1,
      passed: 1,
      undecided: 1,
      from_ms: monday,
      to_ms: monday,
    },
  },
])("R3: reads $format: $why", ({ format, documents, facts }) => {
  expect(read(format, ...documents)).toEqual({ ...none, ...facts })
})

test.each([
  {
    sample: "promptfoo-0.123.1-json.txt",
    why: "which says when and by which version",
    tool: " 0.123.1",
  },
  { sample: "promptfoo-0.123.1-jsonl.txt", why: "which says neither", tool: "" },
])(
  "R3: reads what promptfoo itself wrote of an own evaluation: $sample, $why",
  ({ sample, tool }) => {
    const documents = new JsonDocuments()
    const bytes = readFileSync(new URL(`samples/${sample}`, import.meta.url))
    const found = read("promptfoo", ...documents.push(bytes), ...documents.end())
    const ms = tool === "" ? -1 : Date.parse("2026-11-23T13:54:09.802Z")
    expect(found).toEqual({
      tool: `promptfoo${tool}`,
      entries: 4,
      passed: 1,
      failed: 1,
      undecided: 2,
      from_ms: ms,
      to_ms: ms,
    })
  },
)

test("R3: a sample of Inspect without a score, which Python writes as NaN, is undecided", () => {
  const text = JSON.stringify({ ...inspect, samples: [{ id: 1, scores: { m: { value: "NaN" } } }] })
  const documents = new JsonDocuments()
  const found = [...documents.push(Buffer.from(text.replace('"NaN"', "NaN"))), ...documents.end()]
  expect(read("inspect", ...found)).toMatchObject({ entries: 1, passed: 0, undecided: 1 })
})

test.each<{ format: Format; why: string; document: unknown }>([
  { format: "jsonl", why: "a line that is no object", document: 5 },
  { format: "jsonl", why: "an outcome of its own", document: { outcome: "passed!" } },
  { format: "promptfoo", why: "another tool's file", document: inspect },
  { format: "promptfoo", why: "a result without success", document: { results: [{ score: 1 }] } },
  { format: "garak", why: "another tool's file", document: promptfoo },
  { format: "garak", why: "a report that did not end", document: garak[2] },
  {
    format: "garak",
    why: "more passes than attempts",
    document: { entry_type: "eval", passed: 9, total: 5 },
  },
  {
    format: "garak",
    why: "a negative count",
    document: { entry_type: "eval", passed: -1, total: 5 },
  },
  {
    format: "garak",
    why: "a broken count",
    document: { entry_type: "eval", passed: 0.5, total: 5 },
  },
  { format: "garak", why: "a missing count", document: { entry_type: "eval", passed: 1 } },
  { format: "inspect", why: "another tool's file", document: promptfoo },
  { format: "inspect", why: "a header alone", document: { ...inspect, samples: undefined } },
])("R3: refuses as $format $why", ({ format, document }) => {
  expect(() => read(format, document)).toThrow(expect.objectContaining({ code: "input/malformed" }))
})

test("R3: two logs in one file are refused as inspect's, and counts that are too large as garak's", () => {
  const most = {
    entry_type: "eval",
    passed: Number.MAX_SAFE_INTEGER,
    total: Number.MAX_SAFE_INTEGER,
  }
  const refused = expect.objectContaining({ code: "input/malformed" })
  expect(() => read("inspect", inspect, inspect)).toThrow(refused)
  expect(() => read("garak", most, most)).toThrow(refused)
})

const names = fc.constantFrom(
  "results",
  "success",
  "failureReason",
  "entry_type",
  "passed",
  "total",
  "fails",
  "nones",
  "samples",
  "scores",
  "value",
  "error",
  "eval",
  "task",
  "status",
  "outcome",
  "time",
  "resourceSpans",
  "scopeSpans",
  "spans",
  "attributes",
  "key",
  "stringValue",
  "startTimeUnixNano",
  "metadata",
  "promptfooVersion",
  "__proto__",
)
const values = fc.oneof(
  fc.constantFrom<unknown>(
    "eval",
    "pass",
    "C",
    "I",
    "gen_ai.operation.name",
    "chat",
    "amc.receipt",
    "\ud800",
    "x".repeat(300),
    null,
    true,
    -1,
    2,
    1e300,
    0.5,
  ),
  fc.jsonValue(),
)
const { document } = fc.letrec((tie) => ({
  document: fc.oneof(
    { depthSize: "small" },
    values,
    fc.array(tie("document"), { maxLength: 3 }),
    fc
      .array(fc.tuple(names, tie("document")), { maxLength: 5 })
      .map((entries) => Object.fromEntries(entries)),
  ),
}))

test("any documents give facts that an event can hold, or a fault", () => {
  const readers = [...(Object.keys(resultFormats) as Format[]), "otlp"] as const
  fc.assert(
    fc.property(
      fc.constantFrom(...readers),
      fc.array(document, { maxLength: 4 }),
      (format, documents) => {
        const facts = tryRead(format, documents)
        if (facts !== null) expect(() => encodeEvent(eventOf(facts))).not.toThrow()
      },
    ),
    { numRuns: 2000 },
  )
})

test("a span that is nested too deeply to be written again is a fault", () => {
  const deep = `${"[".repeat(200_000)}${"]".repeat(200_000)}`
  const span = `{"attributes":[{"key":"amc.receipt","value":{"stringValue":"x"}}],"deep":${deep}}`
  const text = `{"resourceSpans":[{"scopeSpans":[{"spans":[${span}]}]}]}`
  const reader = new TraceReader(new ResultCount())
  expect(() => reader.take(JSON.parse(text))).toThrow(
    expect.objectContaining({ code: "input/malformed" }),
  )
})

function tryRead(format: Format | "otlp", documents: readonly unknown[]): ResultFacts | null {
  try {
    if (format !== "otlp") return read(format, ...documents)
    const count = new ResultCount()
    const reader = new TraceReader(count)
    for (const each of documents) reader.take(each)
    return count.facts()
  } catch (error) {
    if (!isFault(error, "input/malformed")) throw error
    return null
  }
}

function eventOf(reported: ResultFacts): Event {
  const hex = "ab".repeat(32)
  return {
    v: 1,
    type: "ingest",
    channel: "ingest",
    lane: "main",
    lseq: 0,
    lprev: hex,
    id: "01980000-0000-7000-8000-000000000001",
    ts: 1,
    agent: "coder",
    aseq: 0,
    aprev: hex,
    session: null,
    payload: null,
    facts: {
      measured: { source_sha256: hex, format: "jsonl", about: null, secrets_found: 0 },
      reported,
    },
    kid: hex,
  }
}
