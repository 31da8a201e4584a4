import { writeFileSync } from "node:fs"
import {
  eventHash,
  eventPayloadType,
  genesisHash,
  mintReceipts,
  type ObservationOf,
  pae,
  parseLeaf,
  type Receipt,
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

export interface LeafVectors {
  readonly about: string
  readonly seed: string
  readonly kid: string
  readonly public_key: string
  readonly accepted: readonly { why: string; leaf: string; signed: string; event_hash: string }[]
  /** Well formed, but not this key's. */
  readonly unsigned: readonly { why: string; leaf: string }[]
  readonly refused: readonly { why: string; code: string; leaf: string }[]
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
  readonly "leaf.json": LeafVectors
  readonly "receipt.json": ReceiptVectors
}

const decoder = new TextDecoder()
const s1 = { agent: "coder", session: "s1" }

/** Makes the vectors of spec/event.md and spec/receipt.md. The same in every run. */
export async function makeVectors(): Promise<VectorFiles> {
  const { leaves, receipts } = await recordExample()
  const bodies = leaves.map((leaf) => decoder.decode(parseLeaf(utf8(leaf.leaf)).body))
  return {
    "event.json": eventVectors(
      bodies,
      leaves.map(({ why }) => why),
    ),
    "leaf.json": leafVectors(leaves),
    "receipt.json": receiptVectors(receipts),
  }
}

interface Example {
  readonly leaves: readonly { why: string; leaf: string }[]
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
  await sealSession(writer, s1, { reason: "exited", posture: "measured", hardened: true })
  const whys = [
    "first of its lane and agent",
    "with a payload",
    "with foreign text",
    "of no agent",
    "a seal",
  ]
  const leaves: { why: string; leaf: string }[] = []
  for await (const row of store.read(lane, 0))
    leaves.push({ why: whys[row.lseq] ?? "", leaf: decoder.decode(row.leaf) })
  return { leaves, receipts: [request.receipt ?? "", response.receipt ?? ""] }
}

function foreign(response: ObservationOf<"llm_response">): ObservationOf<"llm_response"> {
  const reported = { ...response.facts.reported, model: 'modèle €/\u2028"\\\u0001' }
  return { ...response, facts: { ...response.facts, reported } }
}

function eventVectors(bodies: readonly string[], whys: readonly string[]): EventVectors {
  const [first = "", request = ""] = bodies
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
    accepted: bodies.map((body, at) => ({ why: whys[at] ?? "", body })),
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
    ],
  }
}

function leafVectors(leaves: Example["leaves"]): LeafVectors {
  const [{ leaf: first }, { leaf: second }] = leaves as [Example["leaves"][0], Example["leaves"][0]]
  const [magic = "", kid = "", signature = "", body = ""] = first.split("\n")
  const other = seededSigner("lane other")
  const join = (...parts: readonly string[]): string => parts.join("\n")
  const refused = (why: string, leaf: string): LeafVectors["refused"][number] => ({
    why,
    code: "input/malformed",
    leaf,
  })
  return {
    about:
      "leaf: the stored bytes as text. signed: the bytes under the signature, as hex, without the body at their end.",
    seed: "sha256 of amc-testkit/lane main",
    kid: signer.key.kid,
    public_key: toHex(signer.key.raw),
    accepted: leaves.map(({ why, leaf }) => ({
      why,
      leaf,
      signed: toHex(pae(eventPayloadType, parseLeaf(utf8(leaf)).body)).slice(
        0,
        -2 * parseLeaf(utf8(leaf)).body.length,
      ),
      event_hash: eventHash(utf8(leaf)),
    })),
    unsigned: [
      {
        why: "the signature of another event",
        leaf: join(magic, kid, second.split("\n")[2] ?? "", body),
      },
      { why: "a body with one letter changed", leaf: first.replace("openai.com", "openal.com") },
      { why: "another key's id", leaf: first.replace(kid, other.key.kid) },
      { why: "a signature of zeros", leaf: join(magic, kid, `${"A".repeat(86)}==`, body) },
    ],
    refused: [
      refused("nothing", ""),
      refused("another version", first.replace("amc-leaf/v1", "amc-leaf/v2")),
      refused("line ends of two bytes", first.replace("\n", "\r\n")),
      refused("a key id in capitals", first.replace(kid, kid.toUpperCase())),
      refused("a key id cut short", first.replace(kid, kid.slice(2))),
      refused("a signature without padding", first.replace("==\n", "\n")),
      refused("a signature of 63 bytes", join(magic, kid, "A".repeat(84), body)),
      refused("unused bits in the signature", first.replace(/.==\n/u, "B==\n")),
      refused("a line too many", join(magic, kid, signature, "", body)),
      refused("its head alone", join(magic, kid, signature)),
    ],
  }
}

const receiptWhys = [
  "of a request",
  "of a response",
  "that is the first of three with one signature",
  "that is the second of three",
  "that is the third of three, whose path is shorter",
]

function receiptVectors(receipts: readonly string[]): ReceiptVectors {
  const [header = ""] = receipts
  const spelling = Buffer.from(header, "base64url").toString()
  const read = (text: string): { receipt: Receipt; path: string[] } =>
    JSON.parse(Buffer.from(text, "base64url").toString()) as { receipt: Receipt; path: string[] }
  const bodies = receipts.map((text) => read(text).receipt)
  const together = mintReceipts([...bodies, ...bodies.slice(0, 1)], signer)
  const [first = "", second = ""] = together
  const swapped = Buffer.from(first, "base64url")
    .toString()
    .replace(read(first).path[0] ?? "", read(second).path[0] ?? "")
  const changed = (from: string, to: string): string =>
    toBase64url(utf8(spelling.replace(from, to)))
  return {
    about: "header: the text of x-amc-receipt. The key is that of leaf.json.",
    kid: signer.key.kid,
    public_key: toHex(signer.key.raw),
    accepted: [...receipts, ...together].map((text, at) => ({
      why: receiptWhys[at] ?? "",
      header: text,
      receipt: read(text).receipt,
    })),
    refused: [
      { why: "another agent", header: changed('"agent":"coder"', '"agent":"other"') },
      { why: "another body", header: changed('"body_sha256":"', '"body_sha256":"0') },
      { why: "another origin", header: changed(origin, "evil/ledger") },
      { why: "another place in its tree", header: changed('"index":0', '"index":1') },
      { why: "another size of its tree", header: changed('"size":1', '"size":2') },
      { why: "the path of another one in its tree", header: toBase64url(utf8(swapped)) },
      {
        why: "a path that is too long",
        header: changed('"path":[', `"path":["${"A".repeat(43)}="`),
      },
      { why: "a member too many", header: changed('"index":0', '"id":0,"index":0') },
      { why: "a space between its members", header: changed(",", ", ") },
      { why: "padding", header: `${header}=` },
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
