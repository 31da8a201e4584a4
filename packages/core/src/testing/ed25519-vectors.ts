import { fromHex, utf8 } from "../bytes.ts"
import { publicKeyFromRaw, verifyEd25519 } from "../ed25519.ts"
import type { PublicKey } from "../public-key.ts"
import { isFault } from "../errors.ts"
import { publicVectors } from "./vectors.ts"

/** One public vector, with what the rule of spec/ed25519.md says of it. */
export interface Vector {
  readonly file: string
  readonly number: number
  readonly flags: readonly string[]
  readonly expected: boolean
  readonly raw: Uint8Array
  readonly message: Uint8Array
  readonly signature: Uint8Array
}

/** Flags of CCTV that say that a vector holds only under a rule laxer than spec/ed25519.md. */
const refusedFlags = [
  "non_canonical_A",
  "non_canonical_R",
  "low_order_A",
  "low_order_R",
  "low_order_residue",
]

/** The edge cases of C2SP/CCTV. */
export const cctv = (): Vector[] =>
  publicVectors<
    { number: number; key: string; sig: string; msg: string; flags: string[] | null }[]
  >("ed25519-cctv.json").map(({ number, key, sig, msg, flags }) => ({
    file: "ed25519-cctv.json",
    number,
    flags: flags ?? [],
    expected: !refusedFlags.some((flag) => flags?.includes(flag)),
    raw: fromHex(key),
    message: utf8(msg),
    signature: fromHex(sig),
  }))

/** The test groups of C2SP/wycheproof. */
export const wycheproof = (): Vector[] =>
  publicVectors<{
    testGroups: {
      publicKey: { pk: string }
      tests: { tcId: number; flags: string[]; msg: string; sig: string; result: string }[]
    }[]
  }>("ed25519-wycheproof.json").testGroups.flatMap(({ publicKey, tests }) =>
    tests.map(({ tcId, flags, msg, sig, result }) => ({
      file: "ed25519-wycheproof.json",
      number: tcId,
      flags,
      expected: result === "valid",
      raw: fromHex(publicKey.pk),
      message: fromHex(msg),
      signature: fromHex(sig),
    })),
  )

/** All public vectors. */
export const ed25519Vectors: readonly Vector[] = [...cctv(), ...wycheproof()]

/** The vector's key, if the rule lets it be one. */
export function keyOf(raw: Uint8Array): PublicKey | undefined {
  try {
    return publicKeyFromRaw(raw)
  } catch (error) {
    if (isFault(error, "key/refused")) return undefined
    throw error
  }
}

/** Whether the vector's key and its signature are both accepted. */
export const accepts = ({ raw, message, signature }: Vector): boolean => {
  const key = keyOf(raw)
  return key !== undefined && verifyEd25519(key, message, signature)
}
