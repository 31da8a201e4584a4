import { AmcError } from "../errors.ts"

/** Half of a size or index, rounded down. Shifts would cut at 32 bits. */
export function half(n: number): number {
  return Math.floor(n / 2)
}

/** The largest power of two below a size of at least 2: where RFC 9162 splits a tree. */
export function splitOf(size: number): number {
  let split = 1
  while (split * 2 < size) split *= 2
  return split
}

/** The fault of a proof that does not fit its tree. */
export function malformedProof(message: string): AmcError {
  return new AmcError("proof/malformed", message)
}

/** Refuses a leaf that the tree does not have. @throws {@link AmcError} `proof/malformed` */
export function checkPlace(leafIndex: number, treeSize: number): void {
  if (!Number.isSafeInteger(leafIndex) || !Number.isSafeInteger(treeSize))
    throw malformedProof("leaf index or tree size is not a safe integer")
  if (leafIndex < 0 || leafIndex >= treeSize) throw malformedProof("leaf index is outside the tree")
}
