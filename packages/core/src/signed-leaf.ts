import { fromBase64 } from "./base64.ts"
import { toHex } from "./bytes.ts"
import {
  type CommitProof,
  commitPathMax,
  isInCommit,
  signCommit,
  type SignedCommit,
} from "./commit.ts"
import { type Digest, sha256 } from "./digest.ts"
import type { EquationCheck } from "./ed25519.ts"
import { isFault, malformed } from "./errors.ts"
import { type Event, eventSizeMax, writeEvent } from "./event.ts"
import { hashLeaf } from "./merkle/hash.ts"
import type { PublicKey, Signer } from "./public-key.ts"

/** An event as it is stored and handed on. */
export interface SignedLeaf {
  /** The canonical bytes of the event: what chain and tree are made of. */
  readonly leaf: Uint8Array
  /** In which signed commit the leaf is, as {@link spellSignature} writes it; no hash covers it. */
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
  return { leaf, signature: spellSignature(signCommit([hashLeaf(leaf)], signer), 0) }
}

/** A leaf's signature as text: index, size, signature and the path's hashes in base64, with a space between each. */
export function spellSignature(commit: SignedCommit, index: number): string {
  return [index, commit.size, commit.signature, ...commit.pathOf(index)].join(" ")
}

const integer = String.raw`(0|[1-9]\d{0,5})`
const signaturePattern = new RegExp(
  String.raw`^${integer} ${integer} ([A-Za-z0-9+/]{86}==)((?: [A-Za-z0-9+/]{43}=){0,${commitPathMax}})$`,
  "u",
)

/**
 * Reads a signature in exactly the spelling of {@link spellSignature}. Says nothing about whose it is: see
 * {@link isSignedBy}.
 *
 * @throws {@link AmcError} `input/malformed`
 */
export function parseSignature(text: string): CommitProof {
  const [, index, size, signature = "", path = ""] = signaturePattern.exec(text) ?? []
  if (size === undefined) throw malformed("an event's signature is not spelled as one")
  return {
    index: Number(index),
    size: Number(size),
    signature: fromBase64(signature),
    path: path.split(" ").slice(1).map(fromBase64),
  }
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
