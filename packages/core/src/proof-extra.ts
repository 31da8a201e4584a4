import { z } from "zod"
import { fromBase64, toBase64 } from "./base64.ts"
import { canonicalize, parseCanonical } from "./canonical.ts"
import { malformed } from "./errors.ts"
import { keysMax } from "./revocation-list.ts"
import type { SignedLeaf } from "./signed-leaf.ts"

/**
 * What a proof of this program's own brings along, so that one file and a pinned root are enough. The
 * proof does not sign it: the leaf is proven by its hash, the receipt by its signature, the root's versions by
 * the pinned one, and the rest by the root. The leaf is the one that the proof is about.
 */
export interface ProofExtra extends SignedLeaf {
  /** The receipt that was asked about, if one was. */
  readonly receipt: string | null
  /** The versions of the root, in order from 1. */
  readonly roots: readonly Uint8Array[]
  readonly revocations: Uint8Array
  readonly certificates: readonly Uint8Array[]
}

const schema = z.strictObject({
  v: z.literal(1),
  leaf: z.string(),
  signature: z.string().max(2048),
  receipt: z.string().max(8192).nullable(),
  roots: z.array(z.string()).max(1024),
  revocations: z.string(),
  certificates: z.array(z.string()).max(keysMax),
})

/** The canonical JSON of what goes into a proof's `extra`. */
export function encodeProofExtra(extra: ProofExtra): Uint8Array {
  return canonicalize({
    v: 1,
    leaf: toBase64(extra.leaf),
    signature: extra.signature,
    receipt: extra.receipt,
    roots: extra.roots.map(toBase64),
    revocations: toBase64(extra.revocations),
    certificates: extra.certificates.map(toBase64),
  })
}

/** Reads what a proof brought along. Nothing of it is verified. @throws {@link AmcError} `input/malformed` */
export function parseProofExtra(bytes: Uint8Array): ProofExtra {
  const parsed = schema.safeParse(parseCanonical(bytes))
  if (!parsed.success) throw malformed("what the proof brings along breaks its schema")
  const { leaf, signature, receipt, roots, revocations, certificates } = parsed.data
  return {
    leaf: fromBase64(leaf),
    signature,
    receipt,
    roots: roots.map(fromBase64),
    revocations: fromBase64(revocations),
    certificates: certificates.map(fromBase64),
  }
}
