import {
  type EquationCheck,
  fromHex,
  platformEquation,
  type PublicKey,
  publicKeyFromRaw,
  utf8,
} from "@amc/core"
import type { Sodium } from "sodium-native"
import { loadSodium } from "./sodium.ts"

/**
 * Rule 7 of spec/ed25519.md by libsodium, which takes half as long as OpenSSL; undefined where the platform has no build of
 * it, or it decides otherwise.
 *
 * Both compute `encode(S*B - k*A)` and compare it with R byte for byte, so what one accepts the other does. A libsodium
 * that multiplied by the cofactor would accept more, and is found by the trials. What it refuses is asked of OpenSSL
 * too: it may be stricter in what the rules leave to nobody.
 */
export async function fastEquation(): Promise<EquationCheck | undefined> {
  const sodium = await loadSodium()
  if (sodium === null) return undefined
  const decidesAlike = trials.every(
    ({ key, message, signature }) =>
      sodiumEquation(sodium)(key, message, signature) === platformEquation(key, message, signature),
  )
  return decidesAlike ? withSecondOpinion(sodiumEquation(sodium)) : undefined
}

/** libsodium's word alone. */
export function sodiumEquation(sodium: Sodium): EquationCheck {
  return ({ raw }, message, signature) =>
    sodium.crypto_sign_verify_detached(signature, message, raw)
}

function withSecondOpinion(equation: EquationCheck): EquationCheck {
  return (key, message, signature) =>
    equation(key, message, signature) || platformEquation(key, message, signature)
}

interface Trial {
  readonly key: PublicKey
  readonly message: Uint8Array
  readonly signature: Uint8Array
}

/** One signature that holds (RFC 8032 section 7.1, test 1), and two that hold only up to the cofactor (CCTV 6 and 898). */
const trials: readonly Trial[] = [
  trial(
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "",
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155" +
      "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
  ),
  trial(
    "10eb7c3acfb2bed3e0d6ab89bf5a3d6afddd1176ce4812e38d9fd485058fdb1f",
    "ed25519vectors 10",
    "36684ea91032ba5b1dbab2d02f4debc74c3327f2b3802e2e4d371aa42b12b56b" +
      "c02e2b9e63e385c058bf62b14b3a2b29ccefe8e38ddb536bc3f9865320a3d801",
  ),
  trial(
    "fe894df18abf1c20088bfbe6c9ad45d42ec20663eaf7111eaea1d851da0d7f89",
    "ed25519vectors 1",
    "37d3076f21bd3bec4ee4ebee360fe0e3b288557810e7dda72edae09650d5caf9" +
      "2adec0cbdc3718697e370f88b291cbe1965f51921474e0fe35973dbc471c3e01",
  ),
]

function trial(raw: string, message: string, signature: string): Trial {
  return {
    key: publicKeyFromRaw(fromHex(raw)),
    message: utf8(message),
    signature: fromHex(signature),
  }
}
