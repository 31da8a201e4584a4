import { fromHex, utf8 } from "./bytes.ts"
import { publicKeyFromRaw } from "./ed25519.ts"
import type { PublicKey } from "./public-key.ts"

/** A signature, and whether it holds. */
export interface EquationTrial {
  readonly key: PublicKey
  readonly message: Uint8Array
  readonly signature: Uint8Array
  readonly holds: boolean
}

/**
 * What tells whether a library decides rule 7 of spec/ed25519.md: one signature that holds (RFC 8032 section 7.1, test 1),
 * and two that hold only up to the cofactor (CCTV 6 and 898), which a library that multiplies by it accepts.
 */
export const equationTrials: readonly EquationTrial[] = [
  trial(
    true,
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "",
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155" +
      "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
  ),
  trial(
    false,
    "10eb7c3acfb2bed3e0d6ab89bf5a3d6afddd1176ce4812e38d9fd485058fdb1f",
    "ed25519vectors 10",
    "36684ea91032ba5b1dbab2d02f4debc74c3327f2b3802e2e4d371aa42b12b56b" +
      "c02e2b9e63e385c058bf62b14b3a2b29ccefe8e38ddb536bc3f9865320a3d801",
  ),
  trial(
    false,
    "fe894df18abf1c20088bfbe6c9ad45d42ec20663eaf7111eaea1d851da0d7f89",
    "ed25519vectors 1",
    "37d3076f21bd3bec4ee4ebee360fe0e3b288557810e7dda72edae09650d5caf9" +
      "2adec0cbdc3718697e370f88b291cbe1965f51921474e0fe35973dbc471c3e01",
  ),
]

function trial(holds: boolean, raw: string, message: string, signature: string): EquationTrial {
  const key = publicKeyFromRaw(fromHex(raw))
  return { key, message: utf8(message), signature: fromHex(signature), holds }
}
