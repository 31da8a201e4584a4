/** What is used of the package, which brings no types (libsodium's own names). */
declare module "sodium-native" {
  export interface Sodium {
    readonly crypto_sign_SECRETKEYBYTES: number
    /** Memory that is locked, guarded, and cleared when it is collected. */
    sodium_malloc(size: number): Buffer
    crypto_sign_seed_keypair(publicKey: Buffer, secretKey: Buffer, seed: Buffer): void
    crypto_sign_verify_detached(
      signature: Uint8Array,
      message: Uint8Array,
      publicKey: Uint8Array,
    ): boolean
    crypto_sign_detached(signature: Uint8Array, message: Uint8Array, secretKey: Buffer): void
  }
  const sodium: Sodium
  export default sodium
}
