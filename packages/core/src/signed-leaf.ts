import { toHex } from "./bytes.ts"
import { isInCommit, parseSignature, signCommit } from "./commit.ts"
import { type Digest, sha256 } from "./digest.ts"
import type { EquationCheck } from "./ed25519.ts"
import { isFault } from "./errors.ts"
import { type Event, eventSizeMax, writeEvent } from "./event.ts"
import { hashLeaf } from "./merkle/hash.ts"
import type { PublicKey, Signer } from "./public-key.ts"

/** An event as it is stored and handed on. */
export interface SignedLeaf {
  /** The canonical bytes of the event: what chain and tree are made of. */
  readonly leaf: Uint8Array
  /** In which signed commit the leaf is, as {@link signCommit} writes it; no hash covers it. */
  readonly signature: string
}

/** A leaf's bytes, and their RFC 6962 leaf hash. */
export interface HashedLeaf {
  readonly leaf: Uint8Array
  readonly leafHash: Digest
}

/** Where leaves are made: the body is written once, behind the byte that it is hashed with. */
const room = new Uint8Array(1 + eventSizeMax)

/**
 * Makes the leaf of an event.
 *
 * @throws {@link AmcError} `input/malformed` if the event breaks its schema, `input/too-large`
 */
export function makeLeaf(event: Event): HashedLeaf {
  const end = 1 + writeEvent(event, room.subarray(1))
  return { leaf: room.slice(1, end), leafHash: sha256(room.subarray(0, end)) }
}

/** The event hash: the RFC 6962 leaf hash, chain link, tree leaf and the name that receipts use. */
export function eventHash(leaf: Uint8Array): string {
  return toHex(hashLeaf(leaf))
}

/** Signs the bytes of an event in a commit of its own. */
export function signLeaf(leaf: Uint8Array, signer: Signer): SignedLeaf {
  const [signature = ""] = signCommit([hashLeaf(leaf)], signer)
  return { leaf, signature }
}

/** Whether this key signed the leaf; whether the event names that key is for the caller to see. */
export function isSignedBy(
  { leaf, signature }: SignedLeaf,
  key: PublicKey,
  equation?: EquationCheck,
): boolean {
  try {
    return isInCommit(hashLeaf(leaf), parseSignature(signature), key, equation)
  } catch (error) {
    if (isFault(error, "input/malformed")) return false
    throw error
  }
}
