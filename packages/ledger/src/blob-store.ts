/**
 * Where a ledger keeps payloads, by the SHA-256 (lower-case hex) of the bytes that are stored.
 *
 * Every method throws {@link AmcError} `store/unavailable` if the medium fails.
 */
export interface BlobStore {
  /**
   * Makes bytes durable under their digest. Putting the same bytes again changes nothing.
   *
   * @throws {@link AmcError} `input/malformed` if the digest is not theirs.
   */
  put(sha256: string, bytes: Uint8Array): Promise<void>
  /** Takes over a spooled file, which is gone afterwards, and returns the digest of its bytes. Durable. */
  adopt(path: string): Promise<string>
  /**
   * The bytes of a digest, or `null` if they are not stored. Their digest is checked on every read.
   *
   * @throws {@link AmcError} `store/damaged` if what is stored has another digest.
   */
  get(sha256: string): Promise<Uint8Array | null>
  has(sha256: string): Promise<boolean>
  /**
   * Removes payloads for good: when this resolves they are gone also after a power cut, and their bytes are not
   * left in the store's own files. What is not there is no fault. A crash may leave some of them.
   */
  remove(digests: readonly string[]): Promise<void>
}
