import { type EquationCheck, equationTrials, platformEquation } from "@amc/core"
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
  const decidesAlike = equationTrials.every(
    ({ key, message, signature, holds }) =>
      sodiumEquation(sodium)(key, message, signature) === holds,
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
