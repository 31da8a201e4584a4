/** Reads the documents of one file, in order. */
export interface ResultReader {
  /** @throws {@link AmcError} `input/malformed` for what can be no document of the format */
  take(document: unknown): void
  /** @throws {@link AmcError} `input/malformed` if what was taken is not a file of the format */
  end(): void
}
