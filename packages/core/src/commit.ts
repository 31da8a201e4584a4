import { fromBase64, toBase64 } from "./base64.ts"
import { canonicalize } from "./canonical.ts"
import { toHex } from "./bytes.ts"
import type { Digest } from "./digest.ts"
import { pae } from "./dsse.ts"
import { type EquationCheck, verifyEd25519 } from "./ed25519.ts"
import { isFault, malformed } from "./errors.ts"
import { emptyRoot } from "./merkle/hash.ts"
import { rootFromInclusion } from "./merkle/inclusion.ts"
import { levelsOf, type TreeLevels } from "./merkle/levels.ts"
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

/**
 * Signs the tree of these leaf hashes, and gives each leaf's signature as text: index, size, signature and the path's
 * hashes in base64, with a space between each (spec/event.md, "Leaf and signature").
 */
export function signCommit(leafHashes: readonly Digest[], signer: Signer): string[] {
  const levels = levelsOf(leafHashes)
  const [size, root] = [leafHashes.length, levels.at(-1)?.[0] ?? emptyRoot]
  const signature = toBase64(signer.sign(signedBytes(root, size)))
  return spelledPaths(levels).map((path, index) => `${index} ${size} ${signature}${path}`)
}

/** From the root down: a node's path is its sibling and then the path of its parent, which both of them share. */
function spelledPaths(levels: TreeLevels): string[] {
  return levels.slice(0, -1).reduceRight(
    (above, row) => {
      const spelled = row.map((hash) => ` ${toBase64(hash)}`)
      return row.map((_, at) => (spelled[at ^ 1] ?? "") + (above[at >> 1] ?? ""))
    },
    [""],
  )
}

const integer = String.raw`(0|[1-9]\d{0,5})`
const signaturePattern = new RegExp(
  String.raw`^${integer} ${integer} ([A-Za-z0-9+/]{86}==)((?: [A-Za-z0-9+/]{43}=){0,${commitPathMax}})$`,
  "u",
)

/**
 * Reads a signature in exactly the spelling of {@link signCommit}. Says nothing about whose it is: see
 * {@link isInCommit}.
 *
 * @throws {@link AmcError} `input/malformed`
 */
export function parseSignature(text: string): CommitProof {
  const [, index, size, signature = "", path = ""] = signaturePattern.exec(text) ?? []
  if (size === undefined) throw malformed("a commit's signature is not spelled as one")
  return {
    index: Number(index),
    size: Number(size),
    signature: fromBase64(signature),
    path: path.split(" ").slice(1).map(fromBase64),
  }
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
