import { writeFileSync } from "node:fs"
import {
  canonicalize,
  commitMessage,
  commitPathMax,
  eventHash,
  fromBase64url,
  genesisHash,
  hashLeaf,
  mintReceipt,
  type ObservationOf,
  parseSignature,
  type Receipt,
  receiptText,
  signCommit,
  spellReceipt,
  toBase64,
  toBase64url,
  toHex,
  utf8,
} from "@amc/core"
import {
  sampleAudit,
  sampleRequest,
  sampleResponse,
  sampleSession,
  seededSigner,
} from "@amc/testkit"
import { openSession, sealSession } from "./sessions.ts"
import { lane, openWriting, origin, rootSha256, signer } from "./writing.fixture.ts"

export interface EventVectors {
  readonly about: string
  readonly genesis: readonly {
    why: string
    lane: string
    agent: string
    root_sha256: string
    hash: string
  }[]
  readonly accepted: readonly { why: string; body: string }[]
  readonly refused: readonly { why: string; code: string; body: string }[]
}

interface SignedText {
  readonly leaf: string
  readonly signature: string
}

export interface SignatureVectors {
  readonly about: string
  readonly seed: string
  readonly kid: string
  readonly public_key: string
  readonly accepted: readonly (SignedText & { why: string; signed: string; event_hash: string })[]
  /** Well formed, but not this key's. */
  readonly unsigned: readonly (SignedText & { why: string })[]
  readonly refused: readonly { why: string; signature: string }[]
}

export interface ReceiptVectors {
  readonly about: string
  readonly kid: string
  readonly public_key: string
  readonly accepted: readonly { why: string; header: string; receipt: unknown }[]
  readonly refused: readonly { why: string; header: string }[]
}

export interface VectorFiles {
  readonly "event.json": EventVectors
  readonly "receipt.json": ReceiptVectors
  readonly "signature.json": SignatureVectors
}

const decoder = new TextDecoder()
const s1 = { agent: "coder", session: "s1" }

/** Makes the vectors of spec/event.md and spec/receipt.md. The same in every run. */
export async function makeVectors(): Promise<VectorFiles> {
  const { leaves, receipts } = await recordExample()
  return {
    "event.json": eventVectors(leaves, receipts[0] ?? ""),
    "receipt.json": receiptVectors(receipts, leaves),
    "signature.json": signatureVectors(leaves),
  }
}

interface Example {
  readonly leaves: readonly (SignedText & { why: string })[]
  readonly receipts: readonly string[]
}

async function recordExample(): Promise<Example> {
  const { writer, store, clock } = await openWriting()
  const call = { ...s1, callId: "c1", receipt: true }
  await openSession(writer, s1, sampleSession)
  const request = await writer.record(sampleRequest(call))
  clock.advance(400)
  const response = await writer.record(foreign(sampleResponse(call, request.event_hash)))
  await writer.record(sampleAudit("no gateway.yaml.sig"))
  const together = await Promise.all(
    ["c2", "c3"].map((callId) => writer.record(sampleRequest({ ...call, callId }))),
  )
  await sealSession(writer, s1, { reason: "exited", posture: "measured", hardened: true })
  const whys = [
    "first of its lane and agent",
    "with a payload",
    "with foreign text",
    "of no agent",
    "in a commit with the next one and their receipts",
    "in a commit with the one before and their receipts",
    "in a commit with what its session left open",
    "in that commit too",
    "a seal",
  ]
  const leaves: (SignedText & { why: string })[] = []
  for await (const { lseq, leaf, signature } of store.read(lane, 0))
    leaves.push({ why: whys[lseq] ?? "", leaf: decoder.decode(leaf), signature })
  return { leaves, receipts: [request, response, ...together].map(({ receipt }) => receipt ?? "") }
}

function foreign(response: ObservationOf<"llm_response">): ObservationOf<"llm_response"> {
  const reported = { ...response.facts.reported, model: 'modèle €/\u2028"\\\u0001' }
  return { ...response, facts: { ...response.facts, reported } }
}

/** The signature of a leaf of the largest commit that can be spelled. */
function inLargest(leafHash: Uint8Array): string {
  const path = Array.from({ length: commitPathMax }, (_, at) => hashLeaf(Uint8Array.of(at)))
  const proof = { index: 0, size: 999_999, path, signature: new Uint8Array(0) }
  const signature = signer.sign(commitMessage(leafHash, proof))
  return [proof.index, proof.size, ...[signature, ...path].map(toBase64)].join(" ")
}

function readReceipt(header: string): Receipt {
  const [text = ""] = header.split(".")
  return JSON.parse(decoder.decode(fromBase64url(text))) as Receipt
}

function eventVectors(leaves: Example["leaves"], receipt: string): EventVectors {
  const [first = "", request = ""] = leaves.map(({ leaf }) => leaf)
  const refused = (
    why: string,
    body: string,
    code = "input/malformed",
  ): EventVectors["refused"][number] => ({ why, code, body })
  return {
    about: "body: the text of the canonical JSON. genesis: the first links.",
    genesis: [
      {
        why: "a lane",
        lane,
        agent: "",
        root_sha256: rootSha256,
        hash: genesisHash(lane, "", rootSha256),
      },
      {
        why: "an agent in it",
        lane,
        agent: "coder",
        root_sha256: rootSha256,
        hash: genesisHash(lane, "coder", rootSha256),
      },
      {
        why: "no agent in it",
        lane,
        agent: "_system",
        root_sha256: rootSha256,
        hash: genesisHash(lane, "_system", rootSha256),
      },
    ],
    accepted: leaves.map(({ why, leaf: body }) => ({ why, body })),
    refused: [
      refused("a space", first.replace(",", ", ")),
      refused(
        "members in another order",
        `{"type":"session_open",${first.slice(1).replace(',"type":"session_open"', "")}`,
      ),
      refused("a member twice", first.replace('"v":1', '"v":1,"v":1')),
      refused("an unknown member", first.replace('"v":1', '"v":1,"w":1')),
      refused("a tier", first.replace('"ts":', '"tier":"OBSERVED_HARDENED","ts":')),
      refused("a member left out", first.replace('"lseq":0,', "")),
      refused("another version", first.replace('"v":1', '"v":2'), "input/unsupported-version"),
      refused("an unknown type", first.replace("session_open", "session_opened")),
      refused(
        "a session that comes in as a claim",
        first.replace('"channel":"session"', '"channel":"ingest"'),
      ),
      refused("an unknown channel", first.replace('"channel":"session"', '"channel":"rumour"')),
      refused("facts of another type", first.replace("session_open", "audit")),
      refused(
        "an unknown fact",
        first.replace('"kind":"sandbox"', '"kind":"sandbox","kindness":1'),
      ),
      refused(
        "a reported fact among the measured",
        request.replace('"body_bytes"', '"model":"m-1","body_bytes"'),
      ),
      refused("a negative number", first.replace('"lseq":0', '"lseq":-1')),
      refused("a fraction", first.replace('"lseq":0', '"lseq":0.5')),
      refused("a number with an exponent", request.replace('"lseq":1', '"lseq":1e0')),
      refused(
        "a number beyond 2^53-1",
        first.replace('"max_calls":100', '"max_calls":9007199254740992'),
      ),
      refused(
        "a hash in capitals",
        first.replace(
          /"lprev":"([0-9a-f]+)"/u,
          (_, hex: string) => `"lprev":"${hex.toUpperCase()}"`,
        ),
      ),
      refused("a hash of 31 bytes", first.replace(/"lprev":"../u, '"lprev":"')),
      refused(
        "an agent's name with a slash",
        first.replace('"agent":"coder"', '"agent":"../coder"'),
      ),
      refused("the system as lane", first.replace('"lane":"main"', '"lane":"_system"')),
      refused("an id of UUID version 4", first.replace("-7000-", "-4000-")),
      refused("an escaped letter", first.replace('"coder"', String.raw`"\u0063oder"`)),
      refused("a lone surrogate", request.replace('"m-1"', String.raw`"\ud800"`)),
      refused("a __proto__ member", first.replace('"v":1', '"__proto__":1,"v":1')),
      refused("more after its end", `${first}\n`),
      refused("nothing", ""),
      refused("a receipt", decoder.decode(canonicalize(readReceipt(receipt)))),
    ],
  }
}

function signatureVectors(leaves: Example["leaves"]): SignatureVectors {
  const [first, second] = leaves as readonly SignedText[] as [SignedText, SignedText]
  const [shared, neighbour] = leaves.slice(4) as SignedText[] as [SignedText, SignedText]
  const [index = "", size = "", value = "", ...path] = shared.signature.split(" ")
  const other = seededSigner("lane other")
  const largest = {
    why: "in the largest commit",
    leaf: first.leaf,
    signature: inLargest(hashLeaf(utf8(first.leaf))),
  }
  const refused = (why: string, signature: string): SignatureVectors["refused"][number] => ({
    why,
    signature,
  })
  const unsigned = (
    why: string,
    { leaf }: SignedText,
    ...parts: readonly string[]
  ): SignatureVectors["unsigned"][number] => ({ why, leaf, signature: parts.join(" ") })
  return {
    about: "leaf: the event's canonical JSON. signed: the bytes under the signature, as text.",
    seed: "sha256 of amc-testkit/lane main",
    kid: signer.key.kid,
    public_key: toHex(signer.key.raw),
    accepted: [...leaves, largest].map(({ why, leaf, signature }) => ({
      why,
      leaf,
      signature,
      signed: decoder.decode(commitMessage(hashLeaf(utf8(leaf)), parseSignature(signature))),
      event_hash: eventHash(utf8(leaf)),
    })),
    unsigned: [
      unsigned("the signature of another event", first, second.signature),
      unsigned(
        "one letter changed",
        { ...second, leaf: second.leaf.replace("openai.com", "openal.com") },
        second.signature,
      ),
      unsigned(
        "another key's id",
        { ...first, leaf: first.leaf.replace(signer.key.kid, other.key.kid) },
        first.signature,
      ),
      unsigned("a signature of zeros", first, "0", "1", `${"A".repeat(86)}==`),
      unsigned("its neighbour's place", shared, neighbour.signature),
      unsigned("another size", shared, index, "5", value, ...path),
      unsigned("the path cut short", shared, index, size, value, ...path.slice(1)),
      unsigned("a path that is too long", shared, index, size, value, ...path, ...path),
      unsigned("its path in another order", shared, index, size, value, ...path.toReversed()),
      unsigned("an index beyond its size", shared, "9", size, value, ...path),
    ],
    refused: [
      refused("nothing", ""),
      refused("a space at its end", `${first.signature} `),
      refused("a line feed at its end", `${first.signature}\n`),
      refused("two spaces", first.signature.replace(" ", "  ")),
      refused("a zero before a number", `0${first.signature}`),
      refused("a number of seven digits", first.signature.replace(" 1 ", " 1000000 ")),
      refused("a signature without padding", first.signature.replace("==", "")),
      refused("a signature of 63 bytes", `0 1 ${"A".repeat(84)}`),
      refused("unused bits in the signature", first.signature.replace(/.==$/u, "B==")),
      refused("a hash of 31 bytes in its path", `${first.signature} ${"A".repeat(42)}==`),
      refused(
        "more hashes than any tree is high",
        [shared.signature, ...Array<string>(20).fill(path[0] ?? "")].join(" "),
      ),
    ],
  }
}

const receiptWhys = [
  "of a request",
  "of a response",
  "of a request in a commit of two",
  "of the other request in that commit",
  "in a commit of its own",
  "in the largest commit",
]

function receiptVectors(receipts: readonly string[], leaves: Example["leaves"]): ReceiptVectors {
  const [header = "", , first = "", second = ""] = receipts
  const receipt = readReceipt(header)
  const alone = mintReceipt(receipt, signer)
  const { text, leafHash } = spellReceipt(receipt)
  const largest = receiptText(text, inLargest(leafHash))
  const event = utf8(leaves[1]?.leaf ?? "")
  const [ofEvent = ""] = signCommit([hashLeaf(event)], signer)
  const signed = alone.slice(text.length + 1)
  const changed = (from: string, to: string): string => {
    const json = decoder.decode(fromBase64url(text))
    return `${toBase64url(utf8(json.replace(from, to)))}.${signed}`
  }
  const firstHash = (of: string): string => of.split(".")[4] ?? ""
  return {
    about: "header: the text of x-amc-receipt. The key is that of signature.json.",
    kid: signer.key.kid,
    public_key: toHex(signer.key.raw),
    accepted: [...receipts, alone, largest].map((text, at) => ({
      why: receiptWhys[at] ?? "",
      header: text,
      receipt: readReceipt(text),
    })),
    refused: [
      { why: "another agent", header: changed('"agent":"coder"', '"agent":"other"') },
      { why: "another body", header: changed('"body_sha256":"', '"body_sha256":"0') },
      { why: "another origin", header: changed(origin, "evil/ledger") },
      { why: "another place in its commit", header: alone.replace(".0.1.", ".1.1.") },
      { why: "another size of its commit", header: alone.replace(".0.1.", ".0.2.") },
      {
        why: "the path of another one in its commit",
        header: first.replace(firstHash(first), firstHash(second)),
      },
      { why: "a path that is too long", header: `${alone}.${"A".repeat(43)}=` },
      { why: "unused bits in its signature", header: alone.replace(/.==$/u, "B==") },
      { why: "an event for a receipt", header: receiptText(toBase64url(event), ofEvent) },
      { why: "a member too many", header: changed('"kid":', '"id":0,"kid":') },
      { why: "a space between its members", header: changed(",", ", ") },
      { why: "padding", header: `${header}=` },
      { why: "a space for a dot", header: header.replace(".", " ") },
      { why: "a space for a dot of its signature", header: header.replace(/\.([^.]*)$/u, " $1") },
      { why: "no signature", header: text },
      { why: "its first half", header: header.slice(0, header.length / 2) },
      { why: "nothing", header: "" },
      { why: "too much", header: "A".repeat(8193) },
    ],
  }
}

/** Run by hand, `node packages/ledger/src/vectors.fixture.ts`, after a format changed on purpose. */
if (import.meta.main)
  for (const [name, vectors] of Object.entries(await makeVectors()))
    writeFileSync(
      new URL(`../../../spec/vectors/${name}`, import.meta.url),
      `${JSON.stringify(vectors, null, 2)}\n`,
    )
