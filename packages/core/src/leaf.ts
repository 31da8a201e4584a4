import { fromBase64, toBase64 } from "./base64.ts"
import { concatBytes, equalBytes, fromHex, text, toHex, utf8 } from "./bytes.ts"
import { pae } from "./dsse.ts"
import { verifyEd25519 } from "./ed25519.ts"
import type { PublicKey, Signer } from "./public-key.ts"
import { malformed } from "./errors.ts"
import { type Event, eventPayloadType, parseEvent } from "./event.ts"
import { hashLeaf } from "./merkle/hash.ts"

/** What the ledger stores for one event: `"amc-leaf/v1\n" kid "\n" base64(signature) "\n" body`. */
export interface Leaf {
  readonly kid: string
  readonly signature: Uint8Array
  /** The exact bytes of the event body that were signed. */
  readonly body: Uint8Array
}

const magic = "amc-leaf/v1\n"
const headSize = magic.length + 64 + 1 + 88 + 1

/** Signs an event body and makes the leaf of it. */
export function signLeaf(body: Uint8Array, signer: Signer): Uint8Array {
  return encodeLeaf({
    kid: signer.key.kid,
    signature: signer.sign(pae(eventPayloadType, body)),
    body,
  })
}

export function encodeLeaf({ kid, signature, body }: Leaf): Uint8Array {
  return concatBytes(utf8(`${magic}${kid}\n${toBase64(signature)}\n`), body)
}

/**
 * Takes a leaf apart. Says nothing about its signature: see {@link isLeafSignedBy}.
 *
 * @throws {@link AmcError} `input/malformed`
 */
export function parseLeaf(bytes: Uint8Array): Leaf {
  if (bytes.length < headSize) throw malformed("leaf is too short")
  const [name, kid, signature, end] = text(bytes.subarray(0, headSize)).split("\n")
  if (`${name}\n` !== magic || kid === undefined || signature === undefined || end !== "")
    throw malformed("leaf has no amc-leaf/v1 head")
  const leaf = {
    kid: toHex(fromHex(kid)),
    signature: fromBase64(signature),
    body: bytes.subarray(headSize),
  }
  if (leaf.kid.length !== 64 || leaf.signature.length !== 64)
    throw malformed("leaf has a key id or signature of a wrong size")
  if (!equalBytes(encodeLeaf(leaf), bytes)) throw malformed("leaf is not in its one spelling")
  return leaf
}

/** The event inside a leaf; its `kid` must be the leaf's. */
export function parseLeafEvent(leaf: Leaf): Event {
  const event = parseEvent(leaf.body)
  if (event.kid !== leaf.kid) throw malformed("the event names another key than its leaf")
  return event
}

export function isLeafSignedBy(leaf: Leaf, key: PublicKey): boolean {
  return (
    leaf.kid === key.kid && verifyEd25519(key, pae(eventPayloadType, leaf.body), leaf.signature)
  )
}

/** The event hash: the RFC 6962 leaf hash, chain link, tree leaf and the name that receipts use. */
export function eventHash(leafBytes: Uint8Array): string {
  return toHex(hashLeaf(leafBytes))
}
