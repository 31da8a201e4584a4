import { equalBytes, type Finding, MerkleAccumulator } from "@amc/core"
import type { SignedCheckpoint } from "./signed-checkpoint.ts"

/** What a tree was at a size, with the name that findings give it. */
export interface TreeHead extends Pick<SignedCheckpoint, "size" | "root"> {
  readonly subject: string
  /** Whether the verifier itself remembers it: what contradicts it is a fork or an older state, not a wrong note. */
  readonly isPinned?: boolean
}

/** A checkpoint with the name that findings give it. */
export type NumberedCheckpoint = SignedCheckpoint & TreeHead

/** Grows the tree beside the walk and compares it with each checkpoint as it reaches its size. */
export class TreeCheck {
  readonly #tree = new MerkleAccumulator()
  readonly #checkpoints: readonly TreeHead[]
  #next = 0

  /** @param checkpoints in the order of their sizes */
  constructor(checkpoints: readonly TreeHead[]) {
    this.#checkpoints = checkpoints
    // A checkpoint of size 0 has the root of the empty tree, or it would not have been read.
    while (this.#checkpoints[this.#next]?.size === 0) this.#next++
  }

  append(leafHash: Uint8Array): readonly Finding[] {
    this.#tree.append(leafHash)
    const found: Finding[] = []
    for (
      let at = this.#checkpoints[this.#next];
      at?.size === this.#tree.size;
      at = this.#checkpoints[++this.#next]
    )
      if (!equalBytes(at.root, this.#tree.root()))
        found.push({
          code: at.isPinned === true ? "ledger/forked" : "ledger/tree-contradicted",
          subject: at.subject,
          detail: `the first ${at.size} events are not those that it was signed over`,
          tampered: true,
        })
    return found
  }

  finish(): readonly Finding[] {
    return this.#checkpoints.slice(this.#next).map(({ subject, size, isPinned = false }) => ({
      code: isPinned ? "ledger/rolled-back" : "ledger/truncated",
      subject,
      detail: `it was signed over ${size} events, and the ledger has ${this.#tree.size}`,
      tampered: true,
    }))
  }
}
