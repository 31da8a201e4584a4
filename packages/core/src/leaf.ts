import { fromBase64, toBase64 } from "./base64.ts"
import { concatBytes, text, toHex, utf8 } from "./bytes.ts"
import { type Digest, sha256 } from "./digest.ts"
import { pae, paeHead } from "./dsse.ts"
import { type EquationCheck, verifyEd25519 } from "./ed25519.ts"
import type { PublicKey, Signer } from "./public-key.ts"
import { malformed } from "./errors.ts"
import { type Event, eventPayloadType, eventSizeMax, parseEvent, writeEvent } from "./event.ts"
import { hashLeaf } from "./merkle/hash.ts"

/** What the ledger stores for one event: `"amc-leaf/v1\n" kid "\n" base64(signature) "\n" body`. */
export interface Leaf {
  readonly kid: string
  readonly signature: Uint8Array
  /** The exact bytes of the event body that were signed. */
  readonly body: Uint8Array
}

/** A leaf's bytes, and their RFC 6962 leaf hash. */
export interface SignedLeaf {
  readonly leaf: Uint8Array
  readonly leafHash: Digest
}

const magic = "amc-leaf/v1\n"
const headSize = magic.length + 64 + 1 + 88 + 1
const headPattern = /^amc-leaf\/v1\n([0-9a-f]{64})\n([A-Za-z0-9+/]{86}==)\n$/
const encoder = new TextEncoder()

/**
 * Where leaves are made. What is signed, what is stored and what is hashed all end in the body, which is
 * therefore written once and gets one head after the other. Nothing of it is handed out but to the signer.
 */
const room = new Uint8Array(1 + headSize + eventSizeMax)
const bodyAt = 1 + headSize

/**
 * Signs an event and makes the leaf of it. The signer must not keep the bytes that it is given.
 *
 * @throws {@link AmcError} `input/malformed` if the event breaks its schema, `input/too-large`
 */
export function signEvent(event: Event, signer: Signer): SignedLeaf {
  const end = bodyAt + writeEvent(event, room.subarray(bodyAt))
  const message = putHead(paeHead(eventPayloadType, end - bodyAt), end)
  const head = headOf(signer.key.kid, signer.sign(message))
  const leafHash = sha256(putHead(`\0${head}`, end))
  return { leaf: room.slice(bodyAt - headSize, end), leafHash }
}

/** Writes a head of ASCII before the body in the room; gives the view of both. */
function putHead(head: string, end: number): Uint8Array {
  const from = bodyAt - head.length
  encoder.encodeInto(head, room.subarray(from, bodyAt))
  return room.subarray(from, end)
}

/** Signs the bytes of an event body and makes the leaf of them. */
export function signLeaf(body: Uint8Array, signer: Signer): Uint8Array {
  return encodeLeaf({
    kid: signer.key.kid,
    signature: signer.sign(pae(eventPayloadType, body)),
    body,
  })
}

export function encodeLeaf({ kid, signature, body }: Leaf): Uint8Array {
  return concatBytes(utf8(headOf(kid, signature)), body)
}

function headOf(kid: string, signature: Uint8Array): string {
  return `${magic}${kid}\n${toBase64(signature)}\n`
}

/**
 * Takes a leaf apart. Says nothing about its signature: see {@link isLeafSignedBy}.
 *
 * @throws {@link AmcError} `input/malformed`
 */
export function parseLeaf(bytes: Uint8Array): Leaf {
  if (bytes.length < headSize) throw malformed("leaf is too short")
  const [, kid, signature] = headPattern.exec(text(bytes.subarray(0, headSize))) ?? []
  if (kid === undefined || signature === undefined) throw malformed("leaf has no amc-leaf/v1 head")
  return { kid, signature: fromBase64(signature), body: bytes.subarray(headSize) }
}

/** The event inside a leaf; its `kid` must be the leaf's. */
export function parseLeafEvent(leaf: Leaf): Event {
  const event = parseEvent(leaf.body)
  if (event.kid !== leaf.kid) throw malformed("the event names another key than its leaf")
  return event
}

/** Whether this key made the leaf's signature, by the rules of {@link verifyEd25519}. */
export function isLeafSignedBy(
  { kid, body, signature }: Leaf,
  key: PublicKey,
  equation?: EquationCheck,
): boolean {
  return kid === key.kid && verifyEd25519(key, pae(eventPayloadType, body), signature, equation)
}

/** The event hash: the RFC 6962 leaf hash, chain link, tree leaf and the name that receipts use. */
export function eventHash(leafBytes: Uint8Array): string {
  return toHex(hashLeaf(leafBytes))
}
