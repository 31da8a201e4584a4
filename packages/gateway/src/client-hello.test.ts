import * as fc from "fast-check"
import { expect, test } from "vitest"
import { readClientHello } from "./client-hello.ts"
import { extension, handshakeOf, helloFor, recordOf, sniExtension } from "./egress-lab.fixture.ts"

const plain = helloFor("api.example.com")
const handshake = plain.subarray(5)

/** The same hello in records of so many bytes. */
function split(size: number): Buffer {
  const pieces: Buffer[] = []
  for (let at = 0; at < handshake.length; at += size)
    pieces.push(recordOf(handshake.subarray(at, at + size)))
  return Buffer.concat(pieces)
}

const asked = { serverName: "api.example.com", isEncrypted: false }
const earlyData = recordOf(Buffer.of(1), 20)
const grease = extension(0x2a2a, Buffer.alloc(1))
const ech = extension(0xfe0d, Buffer.alloc(64))

test.each([
  { why: "in one record", bytes: plain, is: asked },
  { why: "in records of one byte", bytes: split(1), is: asked },
  { why: "in two records", bytes: split(60), is: asked },
  {
    why: "with early data behind it",
    bytes: Buffer.concat([plain, earlyData]),
    is: { ...asked, size: plain.length },
  },
  {
    why: "with an extension from GREASE",
    bytes: helloFor("api.example.com", { extensions: [grease] }),
    is: asked,
  },
  {
    why: "with a post-quantum key share's size",
    bytes: helloFor("api.example.com", { pad: 1700 }),
    is: asked,
  },
  {
    why: "in upper case",
    bytes: helloFor("API.example.com"),
    is: { ...asked, serverName: "API.example.com" },
  },
  { why: "with no name", bytes: helloFor(null), is: { ...asked, serverName: null } },
  {
    why: "with an encrypted hello inside",
    bytes: helloFor("public.example", { extensions: [ech] }),
    is: { serverName: "public.example", isEncrypted: true },
  },
])("reads a ClientHello $why", ({ bytes, is }) => {
  expect(readClientHello(bytes)).toEqual({ state: "hello", size: bytes.length, ...is })
})

const twoNames = Buffer.concat([sniExtension("a.example"), sniExtension("b.example")])
const twoEntries = extension(
  0,
  Buffer.from(
    "0018" +
      "00" +
      "0009" +
      Buffer.from("a.example").toString("hex") +
      "00" +
      "0009" +
      Buffer.from("b.example").toString("hex"),
    "hex",
  ),
)

test.each([
  { why: "HTTP", bytes: Buffer.from("GET / HTTP/1.1\r\n\r\n") },
  { why: "SSH", bytes: Buffer.from("SSH-2.0-x\r\n") },
  { why: "an SSLv2 hello", bytes: Buffer.from("802e0100020015", "hex") },
  { why: "TLS data before a hello", bytes: recordOf(Buffer.from("x"), 23) },
  { why: "a ServerHello", bytes: recordOf(handshakeOf(Buffer.alloc(40), 2)) },
  { why: "an empty record", bytes: recordOf(Buffer.alloc(0)) },
  { why: "a record over its size", bytes: Buffer.from("1603014001", "hex") },
  {
    why: "another record in the middle",
    bytes: Buffer.concat([split(40).subarray(0, 45), recordOf(Buffer.of(1), 20)]),
  },
  {
    why: "something behind the hello in its record",
    bytes: recordOf(Buffer.concat([handshake, Buffer.of(0)])),
  },
  { why: "the extension of names twice", bytes: helloFor(null, { extensions: [twoNames] }) },
  { why: "two names", bytes: helloFor(null, { extensions: [twoEntries] }) },
  { why: "an empty name", bytes: helloFor("") },
  { why: "a name with a NUL", bytes: helloFor("api.example.com\0.evil.example") },
  { why: "a name with a space", bytes: helloFor("api.example.com ") },
  { why: "a name in another alphabet", bytes: helloFor("b\xfccher.example") },
  {
    why: "an extension that leads past the end",
    bytes: recordOf(handshakeOf(Buffer.concat([handshake.subarray(4, -20)]))),
  },
  {
    why: "bytes behind the extensions",
    bytes: recordOf(handshakeOf(Buffer.concat([handshake.subarray(4), Buffer.of(1)]))),
  },
  { why: "nothing but a length", bytes: recordOf(handshakeOf(Buffer.alloc(0))) },
])("refuses $why in place of a ClientHello", ({ bytes }) => {
  expect(readClientHello(bytes)).toEqual({ state: "other" })
})

test("asks for more until the last byte is there, however it comes", () => {
  for (const bytes of [plain, split(1), split(50)])
    for (let size = 0; size < bytes.length; size++)
      expect(readClientHello(bytes.subarray(0, size))).toEqual({ state: "more" })
})

test("any bytes have an answer, and a name only if they are a whole hello", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
      expect(["more", "other"]).toContain(readClientHello(bytes).state)
    }),
    { numRuns: 2000 },
  )
})

test("a hello with any bytes changed is read, refused or waited for, and never throws", () => {
  const change = fc.record({ at: fc.nat(plain.length - 1), to: fc.nat(255) })
  fc.assert(
    fc.property(
      fc.array(change, { minLength: 1, maxLength: 4 }),
      fc.nat(plain.length),
      (changes, size) => {
        const bytes = Buffer.from(plain)
        for (const { at, to } of changes) bytes[at] = to
        expect(["more", "other", "hello"]).toContain(readClientHello(bytes.subarray(0, size)).state)
      },
    ),
    { numRuns: 2000 },
  )
})

test("more bytes never turn an answer into another one", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(plain, split(7), helloFor(null), helloFor("x.y", { extensions: [ech] })),
      fc.uint8Array({ maxLength: 40 }),
      (hello, more) => {
        const first = readClientHello(hello)
        expect(readClientHello(Buffer.concat([hello, more]))).toEqual(first)
      },
    ),
  )
})
