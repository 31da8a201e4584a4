import { toBase64 } from "./base64.ts"
import { canonicalize } from "./canonical.ts"
import { toHex } from "./bytes.ts"
import type { Digest } from "./digest.ts"
import { pae } from "./dsse.ts"
import { type EquationCheck, verifyEd25519 } from "./ed25519.ts"
import { isFault } from "./errors.ts"
import { emptyRoot } from "./merkle/hash.ts"
import { rootFromInclusion } from "./merkle/inclusion.ts"
import { levelsOf, pathInLevels } from "./merkle/levels.ts"
import type { PublicKey, Signer } from "./public-key.ts"

/** Of what is signed: the tree of all that a monitor made durable at once. */
export const commitPayloadType = "application/vnd.amc.commit.v1+json"

/** A path has at most this many hashes. */
export const commitPathMax = 20

/** A signed commit as one of its leaves has it: its path to the root, and the signature of root and size. */
export interface CommitProof {
  readonly index: number
  readonly size: number
  readonly path: readonly Digest[]
  readonly signature: Uint8Array
}

/** A commit with its one signature, to be handed to its leaves. */
export interface SignedCommit {
  readonly size: number
  /** In base64, and so are the hashes of paths. */
  readonly signature: string
  pathOf(index: number): readonly string[]
}

/** Signs the tree of these leaf hashes (spec/event.md, "Leaf and signature"). */
export function signCommit(leafHashes: readonly Digest[], signer: Signer): SignedCommit {
  const levels = levelsOf(leafHashes)
  const [size, root] = [leafHashes.length, levels.at(-1)?.[0] ?? emptyRoot]
  const signature = toBase64(signer.sign(signedBytes(root, size)))
  // A node stands in the paths of many leaves.
  const spelled = levels.map((row) => row.map(toBase64))
  return { size, signature, pathOf: (index) => pathInLevels(spelled, index) }
}

/**
 * The bytes under the signature of the commit that a leaf is said to be in; the same for all its leaves.
 *
 * @throws {@link AmcError} `proof/malformed` if the path does not fit index and size
 */
export function commitMessage(leafHash: Digest, { index, size, path }: CommitProof): Uint8Array {
  return signedBytes(rootFromInclusion(leafHash, { leafIndex: index, treeSize: size, path }), size)
}

/** Whether this key signed a commit with this leaf, by the rules of {@link verifyEd25519}. */
export function isInCommit(
  leafHash: Digest,
  proof: CommitProof,
  key: PublicKey,
  equation?: EquationCheck,
): boolean {
  try {
    return verifyEd25519(key, commitMessage(leafHash, proof), proof.signature, equation)
  } catch (error) {
    if (isFault(error, "proof/malformed")) return false
    throw error
  }
}

function signedBytes(root: Digest, size: number): Uint8Array {
  return pae(commitPayloadType, canonicalize({ root: toHex(root), size, v: 1 }))
}
