import {
  type CommitProof,
  commitMessage,
  equalBytes,
  type EquationCheck,
  type JsonObject,
  type JsonValue,
  parseCanonical,
  parseSignature,
  type PublicKey,
  verifyEd25519,
} from "@amc/core"
import { attempt } from "./attempt.ts"

interface Judged {
  readonly key: PublicKey
  readonly message: Uint8Array
  readonly signature: Uint8Array
  readonly isGood: boolean
}

/** Judges the signatures of events in their order: one that neighbours share is verified for the first of them. */
export class CommitCheck {
  readonly #equation: EquationCheck | undefined
  #last: Judged | undefined

  constructor(equation: EquationCheck | undefined) {
    this.#equation = equation
  }

  /** Whether this key signed a commit with this leaf; `false` for what is spelled as no signature. */
  isSigned(leafHash: Uint8Array, text: string, key: PublicKey): boolean {
    const proof = readSignature(text)
    const message = proof && messageOf(leafHash, proof)
    if (proof === undefined || message === undefined) return false
    const { signature } = proof
    const last = this.#last
    if (
      last?.key === key &&
      equalBytes(last.message, message) &&
      equalBytes(last.signature, signature)
    )
      return last.isGood
    const isGood = verifyEd25519(key, message, signature, this.#equation)
    this.#last = { key, message, signature, isGood }
    return isGood
  }
}

/** The parts of a signature; `undefined` for a text that is none. */
export function readSignature(text: string): CommitProof | undefined {
  return attempt(() => parseSignature(text))
}

/** {@link commitMessage}; `undefined` for a path that fits no tree. */
export function messageOf(leafHash: Uint8Array, proof: CommitProof): Uint8Array | undefined {
  return attempt(() => commitMessage(leafHash, proof))
}

/** The key that a leaf of any version names as its own; `undefined` for what is no canonical JSON, or names none. */
export function kidNamedIn(leaf: Uint8Array): string | undefined {
  const value = attempt(() => parseCanonical(leaf))
  const kid = value !== undefined && isObject(value) ? value["kid"] : undefined
  return typeof kid === "string" && /^[0-9a-f]{64}$/u.test(kid) ? kid : undefined
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
