import { readFileSync } from "node:fs"
import * as fc from "fast-check"
import { expect, test } from "vitest"
import {
  addCheckpointMax,
  encodeAddCheckpoint,
  parseAddCheckpoint,
  parseToldSize,
} from "./add-checkpoint.ts"
import { fromBase64, toBase64 } from "./base64.ts"
import { concatBytes, utf8 } from "./bytes.ts"
import { openCosignatures, signCosignature } from "./cosignature.ts"
import { isFault } from "./errors.ts"
import { keyId, openNote, parseNote, signatureLine } from "./note.ts"
import { seededSigner } from "./testing/seeded-signer.ts"
import { ownVectors } from "./testing/vectors.ts"
import { cosignerVkey, parseCosignerVkey, parseVkey, vkey } from "./vkey.ts"
import { witnessVectors, witnessVectorsPath } from "./witness-vectors.fixture.ts"

interface Vectors {
  readonly log: string
  readonly witnesses: readonly string[]
  readonly cosignatures: {
    readonly accepted: readonly {
      why: string
      witnesses: string[]
      note: string
      found: [string, number][]
    }[]
    readonly refused: readonly { why: string; code: string; witnesses: string[]; note: string }[]
  }
  readonly requests: {
    readonly accepted: readonly {
      why: string
      body: string
      old: number
      path: string[]
      note: string
    }[]
    readonly refused: readonly { why: string; body: string }[]
  }
}

const vectors = ownVectors<Vectors>("witness.json")
const malformed: unknown = expect.objectContaining({ code: "input/malformed" })
const signer = seededSigner(11)
const { note } = vectors.cosignatures.accepted[0]!

test("the vectors are those that the script writes", () => {
  expect(readFileSync(witnessVectorsPath, "utf8")).toBe(witnessVectors)
})

test.each(vectors.cosignatures.accepted)("finds $why", ({ witnesses, note: of, found }) => {
  expect(openCosignatures(of, witnesses.map(parseCosignerVkey))).toEqual(
    found.map(([name, time]) => ({ name, time })),
  )
  expect(openNote(of, [parseVkey(vectors.log)]).text).toBe(parseNote(note).text)
})

test.each(vectors.cosignatures.refused)(
  "refuses a note with $why",
  ({ witnesses, note: of, code }) => {
    expect(() => openCosignatures(of, witnesses.map(parseCosignerVkey))).toThrow(
      expect.objectContaining({ code }),
    )
  },
)

test("a line is one of the note that it was made for, byte for byte", () => {
  const { text } = parseNote(note)
  const line = signCosignature(text, { name: "witness.example/w1", time: 1_780_000_000 }, signer)
  expect(note.endsWith(line)).toBe(true)
  expect(line.startsWith("\u2014 witness.example/w1 ")).toBe(true)
})

test.each([
  { why: "a text that is no checkpoint", text: "hello\n", time: 1 },
  { why: "a checkpoint with an extension (L22)", text: `${parseNote(note).text}more\n`, time: 1 },
  { why: "a time of 0", text: parseNote(note).text, time: 0 },
  { why: "half a second", text: parseNote(note).text, time: 1.5 },
])("does not cosign $why", ({ text, time }) => {
  expect(() => signCosignature(text, { name: "w", time }, signer)).toThrow(malformed)
})

test("a cosignature of no time is none, though its key signed it", () => {
  const [log] = note.split("\n\u2014 witness")
  const { text } = parseNote(note)
  const signature = concatBytes(
    new Uint8Array(8),
    signer.sign(utf8(`cosignature/v1\ntime 0\n${text}`)),
  )
  const line = signatureLine({ name: "w", keyId: keyId("w", signer.key, 4), signature })
  expect(() => openCosignatures(`${log}\n${line}`, [{ name: "w", key: signer.key }])).toThrow(
    expect.objectContaining({ code: "note/bad-signature" }),
  )
})

test("a witness's key and a log's key are told apart, though the bytes are the same", () => {
  const [cosigner, log] = [cosignerVkey("w", signer.key), vkey("w", signer.key)]
  expect(cosigner).not.toBe(log)
  expect(parseCosignerVkey(cosigner)).toEqual(parseVkey(log))
  expect(() => parseVkey(cosigner)).toThrow(malformed)
  expect(() => parseCosignerVkey(log)).toThrow(malformed)
  expect(() => openNote(note, [parseCosignerVkey(vectors.witnesses[0]!)])).toThrow(
    expect.objectContaining({ code: "note/untrusted" }),
  )
})

test("no single bit of a cosigned checkpoint can change unnoticed", () => {
  const bytes = utf8(note)
  const [log, witness] = [parseVkey(vectors.log), parseCosignerVkey(vectors.witnesses[0]!)]
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = Buffer.from(bytes)
    flipped[bit >> 3]! ^= 1 << (bit & 7)
    try {
      const text = flipped.toString()
      openNote(text, [log])
      // A changed name or key id makes it the line of somebody unknown, which counts for nothing.
      expect(openCosignatures(text, [witness])).toEqual([])
    } catch (error) {
      if (!isFault(error)) throw error
    }
  }
})

test.each(vectors.requests.accepted)("reads and writes a request with $why", (vector) => {
  const { body, old: oldSize, path, note: of } = vector
  const request = { oldSize, path: path.map(fromBase64), note: of }
  const parsed = parseAddCheckpoint(utf8(body))
  expect({ ...parsed, path: parsed.path.map(toBase64) }).toEqual({ ...request, path })
  expect(encodeAddCheckpoint(request)).toEqual(utf8(body))
})

test.each(vectors.requests.refused)("refuses a request with $why", ({ body }) => {
  expect(() => parseAddCheckpoint(utf8(body))).toThrow(malformed)
})

test("refuses a request that is too large before it is parsed, and one that is not UTF-8", () => {
  expect(() => parseAddCheckpoint(new Uint8Array(addCheckpointMax + 1))).toThrow(
    expect.objectContaining({ code: "input/too-large" }),
  )
  expect(() => parseAddCheckpoint(Uint8Array.of(0xff, 0x0a, 0x0a))).toThrow(malformed)
})

test.each(["", "7", "07\n", "-1\n", "7\n\n", "9007199254740992\n", "1e3\n"])(
  "takes %j for no size",
  (body) => {
    expect(() => parseToldSize(utf8(body))).toThrow(malformed)
  },
)

test("every request has one spelling", () => {
  fc.assert(
    fc.property(
      fc.nat(),
      fc.array(fc.uint8Array({ minLength: 32, maxLength: 32 }), { maxLength: 63 }),
      (oldSize, path) => {
        const body = encodeAddCheckpoint({ oldSize, path, note })
        expect(encodeAddCheckpoint(parseAddCheckpoint(body))).toEqual(body)
      },
    ),
    { numRuns: 50 },
  )
  expect(parseToldSize(utf8("0\n"))).toBe(0)
  expect(parseToldSize(utf8("20852163\n"))).toBe(20_852_163)
})
