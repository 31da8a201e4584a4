import { Readable } from "node:stream"
import { AmcError, type MeasuredFacts, type Observation, sha256Hex, utf8 } from "@amc/core"
import { SecretScanner } from "@amc/gateway"
import * as fc from "fast-check"
import { expect, test } from "vitest"
import { type OutputSummary, recordOutput } from "./output-recorder.ts"
import { listRecorder } from "./session-terms.fixture.ts"

const KiB = 1024
const MiB = KiB * KiB
const secret = "sk-very-secret-value"
const secrets = new SecretScanner([utf8(secret)])

interface Piece extends MeasuredFacts<"agent_stdout"> {
  readonly sha256: string
  readonly size: number
  readonly blob: Uint8Array | null
}

async function record(
  ...chunks: Uint8Array[]
): Promise<{ pieces: Piece[]; summary: OutputSummary; observations: Observation[] }> {
  const recorder = listRecorder()
  const of = { channel: "sandbox", agent: "a1", session: "s1" } as const
  const stream = Readable.from(chunks, { objectMode: true })
  const summary = await recordOutput("agent_stdout", stream, { ...of, recorder, secrets })
  return {
    pieces: recorder.observations.map(pieceOf),
    summary,
    observations: recorder.observations,
  }
}

function pieceOf({ facts, payload }: Observation): Piece {
  const { sha256 = "", size = -1, blob } = payload ?? {}
  if (blob !== null && !(blob instanceof Uint8Array)) throw new Error("no bytes")
  return { ...(facts.measured as MeasuredFacts<"agent_stdout">), sha256, size, blob }
}

function bytesOf(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => (i * 31 + (i >> 8)) & 0x7f)
}

function storedBytes(pieces: readonly Piece[]): Uint8Array {
  return Buffer.concat(pieces.map(({ blob }) => blob ?? new Uint8Array()))
}

test("output that is never written leaves no event", async () => {
  const { pieces, summary } = await record()
  expect(pieces).toEqual([])
  expect(summary).toEqual({ bytes: 0, secretsFound: 0 })
})

test("a little output is one event about its session, with its bytes", async () => {
  const { pieces, summary, observations } = await record(utf8("hel"), utf8("lo\n"))
  expect(observations).toMatchObject([
    { type: "agent_stdout", channel: "sandbox", agent: "a1", session: "s1" },
  ])
  expect(pieces).toEqual([
    {
      offset: 0,
      bytes: 6,
      stored: true,
      secrets_found: 0,
      sha256: sha256Hex(utf8("hello\n")),
      size: 6,
      blob: Buffer.from("hello\n"),
    },
  ])
  expect(summary).toEqual({ bytes: 6, secretsFound: 0 })
})

test.each([
  { why: "one piece exactly", sizes: [64 * KiB], pieces: [64 * KiB] },
  { why: "one byte more", sizes: [64 * KiB + 1], pieces: [64 * KiB, 1] },
  { why: "chunks across the border", sizes: [40 * KiB, 40 * KiB], pieces: [64 * KiB, 16 * KiB] },
  { why: "a large chunk", sizes: [150 * KiB], pieces: [64 * KiB, 64 * KiB, 22 * KiB] },
])("cuts $why in pieces that hold every byte, in order", async ({ sizes, pieces: expected }) => {
  const all = bytesOf(sizes.reduce((sum, size) => sum + size, 0))
  let at = 0
  const { pieces, summary } = await record(...sizes.map((size) => all.subarray(at, (at += size))))
  expect(pieces.map(({ bytes }) => bytes)).toEqual(expected)
  expect(pieces.map(({ blob }) => blob?.length)).toEqual(expected)
  for (const { offset, bytes, sha256, size } of pieces)
    expect([sha256, size]).toEqual([sha256Hex(all.subarray(offset, offset + bytes)), bytes])
  expect(Buffer.compare(storedBytes(pieces), all)).toBe(0)
  expect(summary.bytes).toBe(all.length)
})

test("however the bytes come, the pieces are the same", async () => {
  const all = bytesOf(130 * KiB)
  all.set(utf8(secret), 64 * KiB - 5)
  const whole = await record(all)
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(all.length), { maxLength: 6 }), async (cuts) => {
      const borders = [0, ...cuts.toSorted((a, b) => a - b), all.length]
      const chunks = borders.slice(1).map((end, i) => all.subarray(borders[i], end))
      const { pieces, summary } = await record(...chunks)
      expect(summary).toEqual(whole.summary)
      expect(pieces.map(({ sha256 }) => sha256)).toEqual(whole.pieces.map(({ sha256 }) => sha256))
      expect(Buffer.compare(storedBytes(pieces), storedBytes(whole.pieces))).toBe(0)
    }),
    { numRuns: 40 },
  )
})

test.each([
  { why: "in the middle", at: 100 },
  { why: "across a border between pieces", at: 64 * KiB - 5 },
  { why: "at the very end of a piece", at: 64 * KiB - secret.length },
  { why: "at the very end", at: 70 * KiB - secret.length },
])("a secret $why is counted and never stored", async ({ at }) => {
  const all = bytesOf(70 * KiB)
  all.set(utf8(secret), at)
  const { pieces, summary } = await record(all)
  const redacted = all.slice().fill(0x2a, at, at + secret.length)
  expect(summary).toEqual({ bytes: all.length, secretsFound: 1 })
  expect(pieces.reduce((sum, piece) => sum + piece.secrets_found, 0)).toBe(1)
  expect(Buffer.compare(storedBytes(pieces), redacted)).toBe(0)
  expect(pieces[0]?.sha256).toBe(sha256Hex(all.subarray(0, 64 * KiB)))
})

test("stores one mebibyte; what is beyond it has its size, its digest and its secrets in few events", async () => {
  const all = new Uint8Array(Buffer.alloc(MiB + 20 * MiB, bytesOf(1021)))
  all.set(utf8(secret), MiB - 3)
  all.set(utf8(secret), 3 * MiB)
  const { pieces, summary } = await record(all)
  const stored = pieces.filter((piece) => piece.stored)
  const left = pieces.filter((piece) => !piece.stored)
  expect(stored).toHaveLength(16)
  expect(storedBytes(stored)).toHaveLength(MiB)
  expect(Buffer.from(storedBytes(stored)).subarray(-4).toString("latin1").slice(1)).toBe("***")
  expect(left.map(({ offset, bytes, blob }) => [offset / MiB, bytes / MiB, blob])).toEqual([
    [1, 16, null],
    [17, 4, null],
  ])
  for (const { offset, bytes, sha256 } of left)
    expect(sha256).toBe(sha256Hex(all.subarray(offset, offset + bytes)))
  expect(summary).toEqual({ bytes: all.length, secretsFound: 2 })
})

test("a person sees the bytes as they came, secrets and all", async () => {
  const seen: Uint8Array[] = []
  const recorder = listRecorder()
  await recordOutput("agent_stderr", Readable.from([utf8("a"), utf8(secret)]), {
    recorder,
    channel: "wrapper",
    agent: "a1",
    session: "s1",
    secrets,
    echo: (bytes) => void seen.push(bytes),
  })
  expect(Buffer.concat(seen).toString()).toBe(`a${secret}`)
  expect(recorder.observations.map(({ type }) => type)).toEqual(["agent_stderr"])
})

test("what can't be recorded is told", async () => {
  const recorder = {
    record: () => Promise.reject(new AmcError("store/unavailable", "the disk is full")),
  }
  const recording = recordOutput("agent_stdout", Readable.from([bytesOf(70 * KiB)]), {
    recorder,
    channel: "sandbox",
    agent: "a1",
    session: "s1",
    secrets,
  })
  await expect(recording).rejects.toMatchObject({ code: "store/unavailable" })
})
