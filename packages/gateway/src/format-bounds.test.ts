import { expect, test } from "vitest"
import { openAnswerReader } from "./answer-reader.ts"
import { eventMessage } from "./event-stream.fixture.ts"
import type { FormatName } from "./format.ts"
import { formatNamed, formats } from "./formats.ts"
import { JsonScan } from "./json-scan.ts"
import { secrets } from "./reading.fixture.ts"
import { SseScan } from "./sse-scan.ts"

const MiB = 1024 * 1024
const piece = Buffer.alloc(64 * 1024, "x")
const json = "application/json"
const sse = "text/event-stream"

/** How much more memory is held after pieces went through a reader than before. */
function heldAfter(name: FormatName, type: string, start: string, bytes: number): number {
  const reader = openAnswerReader(formatNamed(name)!, type, secrets)!
  reader.push(Buffer.from(start))
  const before = used()
  let most = 0
  for (let sent = 0; sent < bytes; sent += piece.length) {
    reader.push(piece)
    most = Math.max(most, used() - before)
  }
  reader.end(false)
  return most
}

function used(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

const names = formats.map(({ name }) => name)

test.each([
  { why: "an error's body of 100 MB (LiteLLM #34031)", type: json, start: '{"error":"' },
  { why: "an event of one line of 114 MB (LiteLLM #31297)", type: sse, start: 'data: {"delta":"' },
  { why: "a line of 100 MB", type: "application/x-ndjson", start: '{"response":"' },
  { why: "an element of 100 MB in an array", type: json, start: '[{"candidates":["' },
])("$why is read in bounded memory by every format", ({ type, start }) => {
  for (const name of names) expect(heldAfter(name, type, start, 32 * MiB)).toBeLessThan(24 * MiB)
  expect(heldAfter("anthropic.messages", type, start, 114 * MiB)).toBeLessThan(24 * MiB)
})

test("base64 of any length in a chunk is decoded in bounded memory", () => {
  const start = eventMessage({}, `{"bytes":"${"x".repeat(20 * MiB)}"}`)
  const reader = openAnswerReader(
    formatNamed("bedrock.invoke")!,
    "application/vnd.amazon.eventstream",
    secrets,
  )!
  const before = used()
  let most = 0
  for (let at = 0; at < start.length; at += piece.length) {
    reader.push(start.subarray(at, at + piece.length))
    most = Math.max(most, used() - before)
  }
  expect(most).toBeLessThan(16 * MiB)
})

test("each byte is handed on once, however long a line is, so that the work is linear (LiteLLM #31497)", () => {
  let handed = 0
  const scan = new SseScan({ data: ({ length }) => (handed += length), frameEnd: () => undefined })
  scan.push(Buffer.from("data: "))
  for (let count = 0; count < 512; count++) scan.push(piece)
  expect(handed).toBe(512 * piece.length)
})

test("a reader looks into nothing that it does not need", () => {
  const shown: string[] = []
  const scan = new JsonScan({
    depth: 9,
    enters: ([first]) => first !== "messages",
    value: (path) => shown.push(path.join("/")),
  })
  scan.push(
    Buffer.from('{"messages":[{"content":["a",{"b":[]}]},[]],"model":"m","tools":[{"c":1}]}'),
  )
  expect(scan.end()).toBe(true)
  expect(shown).toEqual(["", "messages", "model", "tools", "tools/0", "tools/0/c"])
})
