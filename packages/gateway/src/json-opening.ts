/** What was learned of the bytes before `end`. */
export interface Opening {
  readonly end: number
}

/** Fewer bytes are read as soon as compared. */
const shortest = 32
const longest = 1024
/** Documents that never begin alike must not be learned for ever. */
const lessons = 16

/** How documents in turn begin. Most frames of a stream differ only near their end. */
export class AlikeOpening<O extends Opening> {
  #before: Buffer = Buffer.alloc(0)
  #opening: O | null = null
  /** Up to here the documents were alike when the opening was learned. */
  #learned = shortest
  #lessonsLeft = lessons

  /** How many bytes at the beginning are those of the document that was learned last. */
  alike(bytes: Buffer): number {
    const before = this.#before
    const size = Math.min(bytes.length, before.length)
    let at = 0
    while (at < size && bytes[at] === before[at]) at++
    return at
  }

  /** The opening, for a document that begins so. */
  known(alike: number): O | null {
    return this.#opening !== null && this.#opening.end <= alike ? this.#opening : null
  }

  /** Whether this document should be read in full to learn a new or a longer opening. */
  isLesson(alike: number): boolean {
    return this.#lessonsLeft > 0 && (alike > this.#learned + shortest || this.known(alike) === null)
  }

  learn(bytes: Buffer, alike: number, opening: O | null): void {
    this.#lessonsLeft--
    this.#before = Buffer.from(bytes.subarray(0, longest))
    this.#opening = opening
    this.#learned = Math.max(shortest, alike)
  }
}
