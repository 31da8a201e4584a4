import { createHash } from "node:crypto"
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib"
import { expect, test } from "vitest"
import { formatNamed } from "./formats.ts"
import { ResponseMeter } from "./response-meter.ts"
import { SecretScanner } from "./secret-scanner.ts"

const plain = Buffer.from(JSON.stringify({ model: "m", text: "x".repeat(5000) }))
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex")

async function metered(contentCoding: string | null, bytes: Uint8Array, isWhole = true) {
  const meter = new ResponseMeter({
    limits: { decodedBytes: 10_000, storedResponseBytes: 6_000 },
    secrets: new SecretScanner([]),
    format: formatNamed("openai.chat"),
    fieldOf: (name) => (name === "content-type" ? "application/json" : contentCoding),
    onDrain: () => undefined,
  })
  for (let at = 0; at < bytes.length; at += 7) meter.push(bytes.subarray(at, at + 7))
  return meter.end(isWhole)
}

test.each([
  { coding: null, bytes: plain },
  { coding: "identity", bytes: plain },
  { coding: "gzip", bytes: gzipSync(plain) },
  { coding: " GZIP", bytes: gzipSync(plain) },
  { coding: "deflate", bytes: deflateSync(plain) },
  { coding: "br", bytes: brotliCompressSync(plain) },
  { coding: "zstd", bytes: zstdCompressSync(plain) },
])("gives the digest and the facts of what is in $coding", async ({ coding, bytes }) => {
  const seen = await metered(coding, bytes)
  expect(seen).toMatchObject({
    sha256: sha256(plain),
    size: plain.length,
    truncated: false,
    reported: { model: "m" },
  })
  expect(Buffer.from(seen.bytes!).equals(plain)).toBe(true)
})

test.each([
  {
    why: "a coding that is not known",
    coding: "gzip, br",
    bytes: brotliCompressSync(gzipSync(plain)),
  },
  { why: "the name of a property of objects", coding: "constructor", bytes: plain },
  { why: "bytes that are not in their coding", coding: "gzip", bytes: plain },
  { why: "a coded body that is cut short", coding: "gzip", bytes: gzipSync(plain).subarray(0, -9) },
  {
    why: "a body that unpacks to too much",
    coding: "br",
    bytes: brotliCompressSync(Buffer.alloc(50_000_000)),
  },
])("gives the digest of the coded bytes for $why", async ({ coding, bytes }) => {
  const seen = await metered(coding, bytes)
  expect(seen).toMatchObject({
    sha256: sha256(bytes),
    size: bytes.length,
    truncated: true,
    bytes: null,
    reported: { model: "" },
  })
})

test("does not keep a body that is too long to store", async () => {
  const long = Buffer.alloc(6_001, " ")
  expect(await metered(null, long)).toMatchObject({
    bytes: null,
    sha256: sha256(long),
    size: 6_001,
  })
})
