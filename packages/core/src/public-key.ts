/** A public key that passed the checks of {@link publicKeyFromRaw}. */
export interface PublicKey {
  /** The key's id: SHA-256 of its SPKI in DER, 64 lower-case hexadecimal digits. */
  readonly kid: string
  /** The point's 32 bytes (RFC 8032 section 5.1.2). */
  readonly raw: Uint8Array
  /** The key as a SubjectPublicKeyInfo in DER (RFC 8410), 44 bytes. */
  readonly spki: Uint8Array
}

/** Something that signs with one Ed25519 key. Private keys live in the vault; this is all others see. */
export interface Signer {
  readonly key: PublicKey
  sign(message: Uint8Array): Uint8Array
}
