import { writeFileSync } from "node:fs"
import { encodeAddCheckpoint } from "./add-checkpoint.ts"
import { fromBase64, toBase64 } from "./base64.ts"
import { text, utf8 } from "./bytes.ts"
import { encodeCheckpoint } from "./checkpoint.ts"
import { signCosignature } from "./cosignature.ts"
import { hashLeaf } from "./merkle/hash.ts"
import { consistencyPath } from "./merkle/consistency.ts"
import { rootOf } from "./merkle/tree.ts"
import { keyId, parseNote, signatureLine, signNote } from "./note.ts"
import { seededSigner } from "./testing/seeded-signer.ts"
import { ownVectorsPath } from "./testing/vectors.ts"
import { cosignerVkey, vkey } from "./vkey.ts"

const origin = "ledger.example/amc"
const log = seededSigner(1)
const hashes = Array.from({ length: 8 }, (_, at) => hashLeaf(Uint8Array.of(at)))
const noteOf = (size: number): string =>
  signNote(encodeCheckpoint({ origin, size, root: rootOf(hashes.slice(0, size)) }), origin, log)

/** RFC 6962's first of eight leaves, cosigned by three. */
const note = noteOf(8)
const body = parseNote(note).text
const names = ["witness.example/w1", "witness.example/w2", "witness.example/w3"] as const
const signers = [seededSigner(11), seededSigner(12), seededSigner(13)] as const
const v1 = cosignerVkey(names[0], signers[0].key)
const v2 = cosignerVkey(names[1], signers[1].key)
const v3 = cosignerVkey(names[2], signers[2].key)
const start = 1_780_000_000
const line = (at: 0 | 1 | 2, time: number, name: string = names[at], over = body): string =>
  signCosignature(over, { name, time }, signers[at])

/** The cosignature of a line with some of its bytes changed, under the same name and key id. */
function forged(of: string, change: (signature: Uint8Array) => Uint8Array): string {
  return parseNote(`${body}\n${of}`)
    .signatures.map((each) =>
      signatureLine({ ...each, signature: change(Uint8Array.from(each.signature)) }),
    )
    .join("")
}

const w1 = line(0, start)
const ed25519Line = signatureLine({
  name: names[0],
  keyId: keyId(names[0], signers[0].key, 4),
  signature: signers[0].sign(utf8(body)),
})

const cosignatures = {
  accepted: [
    { why: "one cosignature", witnesses: [v1], note: note + w1, found: [[names[0], start]] },
    {
      why: "two of three, in the order of the lines",
      witnesses: [v1, v2, v3],
      note: note + line(2, start + 5) + w1,
      found: [
        [names[2], start + 5],
        [names[0], start],
      ],
    },
    { why: "none", witnesses: [v1], note, found: [] },
    { why: "a witness that nobody trusts", witnesses: [v2], note: note + w1, found: [] },
    {
      why: "one witness at two times",
      witnesses: [v1],
      note: note + w1 + line(0, start + 60),
      found: [
        [names[0], start],
        [names[0], start + 60],
      ],
    },
    {
      why: "a line that does not verify, of a key that nobody trusts",
      witnesses: [v2],
      note: note + forged(w1, (bytes) => bytes.fill(1)) + line(1, start),
      found: [[names[1], start]],
    },
    {
      why: "a line in a trusted name by another key",
      witnesses: [v1],
      note: note + line(1, start, names[0]),
      found: [],
    },
  ],
  refused: [
    { why: "another time", code: "note/bad-signature", line: forged(w1, flipped(7)) },
    { why: "another signature", code: "note/bad-signature", line: forged(w1, flipped(20)) },
    {
      why: "a time of 0",
      code: "note/bad-signature",
      line: forged(w1, (bytes) => bytes.fill(0, 0, 8)),
    },
    {
      why: "a time above 2^63",
      code: "note/bad-signature",
      line: forged(w1, (bytes) => bytes.fill(0xff, 0, 8)),
    },
    {
      why: "a signature that is cut short",
      code: "note/bad-signature",
      line: forged(w1, (bytes) => bytes.slice(0, -1)),
    },
    {
      why: "a byte too many",
      code: "note/bad-signature",
      line: forged(w1, (bytes) => Uint8Array.of(...bytes, 0)),
    },
    { why: "a signature of the text with no time", code: "note/bad-signature", line: ed25519Line },
    {
      why: "the cosignature of another checkpoint",
      code: "note/bad-signature",
      line: line(0, start, names[0], parseNote(noteOf(7)).text),
    },
    {
      why: "one good line and one forged (L20)",
      code: "note/bad-signature",
      line: w1 + forged(w1, flipped(20)),
    },
  ].map((refused) => ({ ...refused, witnesses: [v1], note: note + refused.line, line: undefined })),
}

function flipped(at: number): (bytes: Uint8Array) => Uint8Array {
  return (bytes) => bytes.map((byte, index) => (index === at ? byte ^ 1 : byte))
}

const logKey = vkey(origin, log.key)
const three = `witness a ${v1}\nwitness b ${v2}\nwitness c ${v3}\n`
const nested = `log ${logKey} https://ledger.example/\n\n# two groups\n${three}group ab 2 a b\n\tgroup all-of\tall ab c \nquorum all-of\n`
const policies = {
  accepted: [
    { why: "no witnesses at all", text: "quorum none\n", logs: 0, witnesses: [] },
    {
      why: "one witness",
      text: `witness a ${v1} https://w.example/\nquorum a\n`,
      logs: 0,
      witnesses: ["a"],
    },
    { why: "groups of groups, comments, tabs", text: nested, logs: 1, witnesses: ["a", "b", "c"] },
    {
      why: "a witness that the quorum does not need",
      text: `${three}group ab any a b\nquorum ab\n`,
      logs: 0,
      witnesses: ["a", "b", "c"],
    },
  ],
  refused: [
    { why: "nothing in it", text: "\n" },
    { why: "no quorum", text: three },
    { why: "two quorums", text: `${three}quorum a\nquorum b\n` },
    { why: "a quorum of two names", text: `${three}quorum a b\n` },
    { why: "a quorum that is not defined", text: `${three}quorum d\n` },
    { why: "a quorum that is defined later", text: `quorum a\n${three}` },
    { why: "a member that is defined later", text: `group ab any a\n${three}quorum ab\n` },
    { why: "a group that is its own member", text: `${three}group g any g\nquorum g\n` },
    { why: "a group of none", text: `${three}group g any none\nquorum g\n` },
    { why: "a group without members", text: `${three}group g all\nquorum g\n` },
    { why: "a group that asks for 0", text: `${three}group g 0 a b\nquorum g\n` },
    { why: "a group that asks for more than it has", text: `${three}group g 3 a b\nquorum g\n` },
    { why: "a group's number with a zero before it", text: `${three}group g 01 a b\nquorum g\n` },
    { why: "a group's number in words", text: `${three}group g two a b\nquorum g\n` },
    { why: "a member twice", text: `${three}group g 2 a a\nquorum g\n` },
    {
      why: "a member of two groups",
      text: `${three}group g any a b\ngroup h any a c\nquorum g\n`,
    },
    { why: "a name twice", text: `witness a ${v1}\nwitness a ${v2}\nquorum a\n` },
    { why: "a group with a witness's name", text: `${three}group a any b\nquorum a\n` },
    { why: "a witness called none", text: `witness none ${v1}\nquorum none\n` },
    {
      why: "one key under two names (L21)",
      text: `witness a ${v1}\nwitness b ${cosignerVkey(names[1], signers[0].key)}\nquorum a\n`,
    },
    { why: "a log twice", text: `log ${logKey}\nlog ${logKey}\nquorum none\n` },
    { why: "a log with a witness's key", text: `log ${v1}\nquorum none\n` },
    { why: "a witness with a log's key", text: `witness a ${logKey}\nquorum a\n` },
    { why: "a key whose id does not fit", text: `witness a ${v1.replace("w1", "w9")}\nquorum a\n` },
    { why: "a witness without a key", text: "witness a\nquorum a\n" },
    { why: "a word too many", text: `witness a ${v1} https://x/ y\nquorum a\n` },
    { why: "a line of another kind", text: `${three}mirror a\nquorum a\n` },
    { why: "no newline at the end", text: "quorum none" },
    { why: "a carriage return", text: "quorum none\r\n" },
  ],
}

const asked = { oldSize: 3, path: consistencyPath(hashes, 3), note }
const request = text(encodeAddCheckpoint(asked))
const hash = toBase64(hashLeaf(Uint8Array.of(0)))
const requests = {
  accepted: [
    {
      why: "a proof and a checkpoint",
      body: request,
      old: 3,
      path: asked.path.map(toBase64),
      note,
    },
    { why: "a first checkpoint", body: `old 0\n\n${note}`, old: 0, path: [], note },
    {
      why: "63 hashes",
      body: `old 1\n${`${hash}\n`.repeat(63)}\n${note}`,
      old: 1,
      path: Array.from({ length: 63 }, () => hash),
      note,
    },
  ],
  refused: [
    { why: "no old size", body: `\n\n${note}` },
    { why: "an old size with a zero before it", body: request.replace("old 3", "old 03") },
    { why: "an old size with a sign", body: request.replace("old 3", "old +3") },
    { why: "an old size with two spaces", body: request.replace("old 3", "old  3") },
    { why: "an old size above 2^53", body: request.replace("old 3", `old ${2 ** 53}`) },
    { why: "64 hashes", body: `old 1\n${`${hash}\n`.repeat(64)}\n${note}` },
    { why: "a hash of 31 bytes", body: `old 1\n${toBase64(fromBase64(hash).slice(1))}\n\n${note}` },
    { why: "a hash that is no base64", body: `old 1\n${hash.slice(1)}\n\n${note}` },
    { why: "no empty line", body: "old 1\n" },
    { why: "carriage returns", body: request.replaceAll("\n", "\r\n") },
  ],
}

/** Vectors of cosignatures, policies and requests, from keys whose secrets are 32 bytes `01`, `0b`, `0c`, `0d`. */
export const witnessVectors: string = `${JSON.stringify(
  { log: logKey, witnesses: [v1, v2, v3], cosignatures, policies, requests },
  null,
  2,
)}\n`
export const witnessVectorsPath: string = ownVectorsPath("witness.json")

if (import.meta.main) writeFileSync(witnessVectorsPath, witnessVectors)
