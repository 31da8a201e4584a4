import {
  type Checkpoint,
  type CheckpointPin,
  type Digest,
  earlierRoot,
  type Finding,
  type InclusionProof,
  toHex,
} from "@amc/core"

/**
 * The checkpoints of a ledger that a verifier saw before, and which of them a later one of the same ledger was shown to
 * extend. A tree that does not extend them is another history.
 */
export class SeenTrees {
  readonly #pins: ReadonlyMap<number, readonly CheckpointPin[]>
  readonly #forked = new Set<number>()
  readonly #extended = new Set<number>()

  constructor(pins: readonly CheckpointPin[]) {
    this.#pins = Map.groupBy(pins, ({ size }) => size)
  }

  /** How many sizes were seen, and of how many of them it was shown that the tree extends what was seen. */
  get counts(): { readonly seen: number; readonly extended: number } {
    const extended = [...this.#extended].filter((size) => !this.#forked.has(size))
    return { seen: this.#pins.size, extended: extended.length }
  }

  /** The tree itself. */
  noteTree({ size, root }: Checkpoint): void {
    this.#note(size, root)
  }

  /** A leaf that was shown to be in the tree: it tells what the tree was when the leaf was its last. */
  noteLeaf(leafHash: Digest, proof: InclusionProof): void {
    const size = proof.leafIndex + 1
    if (this.#pins.has(size)) this.#note(size, earlierRoot(leafHash, proof))
  }

  findings(subject: string): readonly Finding[] {
    return [...this.#forked].map((size) => {
      const detail = `this machine accepted another tree of ${size} events of this ledger before`
      return { code: "ledger/forked", subject, detail, tampered: true }
    })
  }

  #note(size: number, root: Digest): void {
    const pins = this.#pins.get(size)
    if (pins === undefined) return
    this.#extended.add(size)
    if (pins.some(({ root_sha256 }) => root_sha256 !== toHex(root))) this.#forked.add(size)
  }
}
