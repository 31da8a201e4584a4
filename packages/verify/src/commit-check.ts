import {
  type CommitProof,
  commitMessage,
  equalBytes,
  type EquationCheck,
  isFault,
  parseSignature,
  type PublicKey,
  verifyEd25519,
} from "@amc/core"

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
  try {
    return parseSignature(text)
  } catch (error) {
    if (isFault(error, "input/malformed")) return undefined
    throw error
  }
}

/** {@link commitMessage}; `undefined` for a path that fits no tree. */
export function messageOf(leafHash: Uint8Array, proof: CommitProof): Uint8Array | undefined {
  try {
    return commitMessage(leafHash, proof)
  } catch (error) {
    if (isFault(error, "proof/malformed")) return undefined
    throw error
  }
}

const namedKid = /"id":"[0-9a-f-]{36}","kid":"([0-9a-f]{64})","lane":/u
const decoder = new TextDecoder()

/** The key that a leaf names as its own, by its spelling alone: whoever wrote the leaf may have put another first. */
export function kidNamedIn(leaf: Uint8Array): string | undefined {
  return namedKid.exec(decoder.decode(leaf))?.[1]
}
