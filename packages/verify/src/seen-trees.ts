import {
  type AddCheckpoint,
  type Checkpoint,
  type CheckpointPin,
  type Digest,
  type Finding,
  fromHex,
  parseCheckpoint,
  parseNote,
  toHex,
  verifyConsistency,
} from "@amc/core"

/** A tree as a verifier remembers it. */
export type SeenTree = Omit<CheckpointPin, "seen_ms">

/**
 * The checkpoints of a ledger that a verifier saw before, and which of them are shown to be of one history with another of
 * the same ledger. A tree that contradicts them is another history.
 */
export class SeenTrees {
  readonly #pins: ReadonlyMap<number, readonly CheckpointPin[]>
  readonly #forked = new Set<number>()
  readonly #extended = new Set<number>()
  readonly #told = new Map<number, Digest>()

  constructor(pins: readonly CheckpointPin[]) {
    this.#pins = Map.groupBy(pins, ({ size }) => size)
  }

  /** How many sizes were seen, and of how many of them it was shown that they are of one history with the tree. */
  get counts(): { readonly seen: number; readonly extended: number } {
    const extended = [...this.#extended].filter((size) => !this.#forked.has(size))
    return { seen: this.#pins.size, extended: extended.length }
  }

  /** The sizes of what was seen. */
  get sizes(): Iterable<number> {
    return this.#pins.keys()
  }

  /** The trees that were shown to be of this history, seen before or not. */
  get told(): readonly SeenTree[] {
    return [...this.#told].map(([size, root]) => ({ size, root_sha256: toHex(root) }))
  }

  /** What the tree was shown to be at a size. */
  note(size: number, root: Digest): void {
    this.#told.set(size, root)
    const pins = this.#pins.get(size)
    if (pins === undefined) return
    this.#extended.add(size)
    if (pins.some(({ root_sha256 }) => root_sha256 !== toHex(root))) this.#forked.add(size)
  }

  /** A consistency proof between the tree and one that was seen. Gives whether it shows what it says. */
  noteProof(tree: Checkpoint, { oldSize, path, note }: AddCheckpoint): boolean {
    const { size: newSize } = parseCheckpoint(parseNote(note).text)
    const seenSize = oldSize === tree.size ? newSize : oldSize
    if (oldSize !== tree.size && newSize !== tree.size) return false
    const pins = this.#pins.get(seenSize) ?? []
    const holds = pins.some(({ root_sha256 }) => {
      const seen = fromHex(root_sha256)
      const [oldRoot, newRoot] = oldSize === tree.size ? [tree.root, seen] : [seen, tree.root]
      return verifyConsistency({ oldSize, newSize, oldRoot, newRoot, path })
    })
    if (holds) this.#extended.add(seenSize)
    return holds
  }

  /**
   * What contradicts what was seen, and that nothing shows the tree to be of one history with the largest that was.
   * What was accepted before was shown then. An owner's machine has its own ledger to ask, and its checkpoints of it ask
   * nothing of a bundle but that it does not contradict them.
   */
  findings(subject: string, { size }: Checkpoint): readonly Finding[] {
    const forks = [...this.#forked].map((at) => {
      const detail = `this machine accepted another tree of ${at} events of this ledger before`
      return { code: "ledger/forked", subject, detail, tampered: true } as const
    })
    if (forks.length > 0) return forks
    const last = this.#largest()
    const isShown = last === 0 || this.#extended.has(last) || this.#extended.has(size)
    return isShown ? [] : [notExtended(subject, size, last)]
  }

  #largest(): number {
    const accepted = [...this.#pins].filter(([, pins]) => pins.some(({ own }) => own !== true))
    return accepted.reduce((most, [size]) => Math.max(most, size), 0)
  }
}

function notExtended(subject: string, size: number, last: number): Finding {
  const [from, to] = [Math.min(size, last), Math.max(size, last)]
  const kind =
    size < last
      ? "it is of an earlier time, or of another history"
      : "it goes on from that, or is of another history"
  const detail = `its tree has ${size} events, and this machine has seen one of ${last} of this ledger: ${kind}, and nothing here says which; ask the owner for what 'amc ledger prove --from ${from} --to ${to}' writes and give it with --proof`
  return { code: "ledger/not-extended", subject, detail, tampered: false }
}
