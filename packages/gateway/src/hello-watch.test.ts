import * as fc from "fast-check"
import { expect, test } from "vitest"
import { handshakeOf, helloFor, recordOf, retryRequest, serverHello } from "./egress-lab.fixture.ts"
import { HelloWatch } from "./hello-watch.ts"
import { readServerAnswer } from "./server-hello.ts"

const earlyData = Buffer.concat([recordOf(Buffer.of(1), 20), recordOf(Buffer.alloc(300, 22), 23)])
const second = helloFor("api.example.com", { pad: 300 })
const warning = recordOf(Buffer.of(1, 112), 21)

/** What a watch lets through of pieces, and the last thing it found in them. */
function watched(pieces: readonly Uint8Array[], watch = new HelloWatch(16_384)) {
  const passed: Uint8Array[] = []
  for (const piece of pieces) {
    const { pass, hello } = watch.client(piece)
    passed.push(pass)
    if (hello !== null) return { passed: Buffer.concat(passed), hello }
  }
  return { passed: Buffer.concat(passed), hello: null }
}

function bytewise(bytes: Uint8Array): Uint8Array[] {
  return Array.from(bytes, (byte) => Uint8Array.of(byte))
}

test.each([
  { why: "one that asks for the hello anew", bytes: retryRequest, is: "retry" },
  { why: "the same behind a warning", bytes: Buffer.concat([warning, retryRequest]), is: "retry" },
  {
    why: "the same in records of one byte",
    bytes: Buffer.concat(bytewise(retryRequest.subarray(5)).map((b) => recordOf(Buffer.from(b)))),
    is: "retry",
  },
  { why: "another ServerHello", bytes: serverHello, is: "other" },
  { why: "another message", bytes: recordOf(handshakeOf(Buffer.alloc(60), 14)), is: "other" },
  { why: "data", bytes: recordOf(Buffer.alloc(60), 23), is: "other" },
  { why: "no TLS", bytes: Buffer.from("HTTP/1.1 400"), is: "other" },
  { why: "a warning alone", bytes: warning, is: "more" },
  { why: "nothing", bytes: Buffer.alloc(0), is: "more" },
] as const)("a server's answer that is $why is told", ({ bytes, is }) => {
  expect(readServerAnswer(bytes)).toBe(is)
})

test("a server's answer is told from its random, and never sooner", () => {
  for (const [bytes, is] of [
    [retryRequest, "retry"],
    [serverHello, "other"],
  ] as const)
    for (let size = 0; size < bytes.length; size++)
      expect(readServerAnswer(bytes.subarray(0, size))).toBe(size < 43 ? "more" : is)
})

test.each([
  { why: "before the server has answered", answer: [] },
  { why: "after it was asked for", answer: [retryRequest] },
  {
    why: "after it was asked for in two pieces",
    answer: [retryRequest.subarray(0, 50), retryRequest.subarray(50)],
  },
  { why: "after it was asked for byte by byte", answer: bytewise(retryRequest) },
  {
    why: "when the server says more behind what it asked",
    answer: [retryRequest, recordOf(Buffer.of(1), 20), serverHello],
  },
])("a second hello is told $why, however it comes", ({ answer }) => {
  const sent = Buffer.concat([earlyData, second])
  for (const pieces of [[sent], bytewise(sent), [earlyData, second]]) {
    const watch = new HelloWatch(16_384)
    for (const piece of answer) watch.server(piece)
    expect(watch.isOver).toBe(false)
    const { passed, hello } = watched(pieces, watch)
    expect(hello).toMatchObject({ state: "hello", serverName: "api.example.com" })
    expect(passed).toEqual(sent)
    expect(watch.isOver).toBe(true)
  }
})

test("no byte of a second hello passes before it is whole", () => {
  const sent = Buffer.concat([earlyData, second.subarray(0, -1)])
  expect(watched(bytewise(sent))).toEqual({ passed: earlyData, hello: null })
})

test.each([
  { why: "a handshake message that is no hello", bytes: recordOf(handshakeOf(Buffer.of(1), 16)) },
  { why: "a record of an unknown type", bytes: recordOf(second.subarray(5), 24) },
  { why: "a hello as of SSLv2", bytes: Buffer.from("802e0100020015", "hex") },
  {
    why: "something else in the middle of a hello",
    bytes: Buffer.concat([recordOf(second.subarray(5, 40)), recordOf(Buffer.of(1), 20)]),
  },
  { why: "a hello of no end", bytes: recordOf(handshakeOf(Buffer.alloc(60_000))) },
  { why: "no TLS", bytes: Buffer.from("GET / HTTP/1.1\r\n\r\n") },
])("$why is not let through behind the first hello", ({ bytes }) => {
  const sent = Buffer.concat([earlyData, bytes])
  for (const pieces of [[sent], bytewise(sent)])
    expect(watched(pieces)).toEqual({ passed: earlyData, hello: { state: "other" } })
})

test("once the server has answered, all passes, and what was held back first", () => {
  const watch = new HelloWatch(16_384)
  expect(watched([second.subarray(0, 9)], watch).passed).toHaveLength(0)
  watch.server(serverHello.subarray(0, 20))
  watch.server(serverHello.subarray(20))
  expect(watch.isOver).toBe(false)
  const rest = Buffer.from("whatever")
  const passed = Buffer.concat([second.subarray(0, 9), rest])
  expect(watched([rest], watch)).toEqual({ passed, hello: null })
  expect(watch.isOver).toBe(true)
})

test("a server that warns without end is not listened to for ever", () => {
  const watch = new HelloWatch(16_384)
  for (let n = 0; n < 200; n++) watch.server(warning)
  expect(watch.isOver).toBe(true)
})

test("any bytes in any pieces pass in order, up to what is refused or held", () => {
  const part = fc.oneof(
    fc.constantFrom(earlyData, second, helloFor(null), second.subarray(0, 60)),
    fc.uint8Array({ maxLength: 30 }),
  )
  fc.assert(
    fc.property(fc.array(part, { maxLength: 5 }), fc.array(fc.nat(1000)), (parts, cuts) => {
      const all = Buffer.concat(parts)
      const at = [0, ...cuts.map((cut) => cut % (all.length + 1)).toSorted((a, b) => a - b)]
      const pieces = at.map((from, n) => all.subarray(from, at[n + 1] ?? all.length))
      const { passed, hello } = watched(pieces)
      const whole = watched([all])
      expect(all.subarray(0, passed.length)).toEqual(passed)
      expect(hello).toEqual(whole.hello)
      if (hello?.state !== "hello") expect(passed).toEqual(whole.passed)
    }),
  )
})
