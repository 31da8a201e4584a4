import { crc32 } from "node:zlib"
import * as fc from "fast-check"
import { expect, test } from "vitest"
import { converseStream, eventMessage } from "./event-stream.fixture.ts"
import { EventStreamScan } from "./event-stream.ts"

interface Seen {
  readonly payloads: string[]
  readonly isWhole: boolean
}

function scan(bytes: Uint8Array, cuts: readonly number[] = []): Seen {
  const payloads: string[] = []
  let current = ""
  const reader = new EventStreamScan({
    data: (piece) => (current += Buffer.from(piece).toString("latin1")),
    frameEnd: (isSound) => {
      payloads.push(isSound ? current : "not sound")
      current = ""
    },
  })
  let at = 0
  for (const cut of cuts) reader.push(bytes.subarray(at, (at += cut)))
  reader.push(bytes.subarray(at))
  return { payloads, isWhole: reader.end() }
}

const known = Buffer.from(
  "0000003d0000002007fd83960c636f6e74656e742d7479706507001061 70706c69636174696f6e2f6a736f6e7b27666f6f273a27626172277d8d9c08b1".replaceAll(
    " ",
    "",
  ),
  "hex",
)

test("reads a message as the AWS SDKs have it in their tests", () => {
  const made = eventMessage({ "content-type": "application/json" }, "{'foo':'bar'}")
  expect(made.equals(known)).toBe(true)
  expect(scan(known)).toEqual({ payloads: ["{'foo':'bar'}"], isWhole: true })
})

const stream = Buffer.concat([
  converseStream(["messageStart", { role: "assistant" }], ["metadata", { usage: {} }]),
  eventMessage({}, ""),
])
const expected = { payloads: ['{"role":"assistant"}', '{"usage":{}}', ""], isWhole: true }

test("gives the same messages however the bytes are cut", () => {
  expect(scan(stream)).toEqual(expected)
  for (let cut = 0; cut <= stream.length; cut++) expect(scan(stream, [cut])).toEqual(expected)
  expect(scan(stream, Array(stream.length).fill(1))).toEqual(expected)
  fc.assert(
    fc.property(fc.array(fc.nat(40)), (cuts) => {
      expect(scan(stream, cuts)).toEqual(expected)
    }),
  )
})

test("no flipped bit goes unseen", () => {
  fc.assert(
    fc.property(fc.nat(stream.length * 8 - 1), (bit) => {
      const flipped = Buffer.from(stream)
      flipped[bit >> 3]! ^= 1 << (bit & 7)
      const { payloads, isWhole } = scan(flipped)
      expect(payloads.includes("not sound") || !isWhole).toBe(true)
    }),
  )
})

test("a stream that ends inside a message is not whole", () => {
  for (let end = 1; end < known.length; end++)
    expect(scan(known.subarray(0, end)).isWhole).toBe(false)
})

test.each([
  { why: "more headers than the message has room for", total: 20, headers: 30 },
  { why: "less than its own frame", total: 8, headers: 0 },
  { why: "more bytes than the format allows", total: 0xffff_ffff, headers: 0 },
  { why: "more headers than the format allows", total: 1 << 20, headers: 1 << 18 },
])("nothing is read of a message that says it has $why", ({ total, headers }) => {
  const bytes = eventMessage({}, "x".repeat(100))
  const prelude = eventMessageOf(total, headers)
  prelude.copy(bytes)
  expect(scan(Buffer.concat([bytes, known]))).toEqual({ payloads: [], isWhole: false })
})

/** A prelude with a checksum that fits. */
function eventMessageOf(total: number, headers: number): Buffer {
  const prelude = Buffer.alloc(12)
  prelude.writeUInt32BE(total, 0)
  prelude.writeUInt32BE(headers, 4)
  prelude.writeUInt32BE(crc32(prelude.subarray(0, 8)), 8)
  return prelude
}

test("no bytes make it throw", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      const prelude = eventMessageOf(16 + bytes.length, 0)
      expect(() => scan(Buffer.concat([prelude, bytes, bytes]))).not.toThrow()
      expect(() => scan(bytes)).not.toThrow()
    }),
  )
})
