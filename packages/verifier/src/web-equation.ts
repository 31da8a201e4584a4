import type { webcrypto } from "node:crypto"
import {
  concatBytes,
  equationTrials,
  platformEquation,
  type PublicKey,
  sha256Hex,
  utf8,
} from "@amc/core"
import type { EquationsAhead, SignedMessage } from "@amc/verify"

/** What WebCrypto does here; where there is none, or none that knows Ed25519, nothing is done ahead. */
export type Subtle = Pick<webcrypto.SubtleCrypto, "importKey" | "verify">

/** Told of each signature that was looked at ahead, and then of each that was judged. */
export interface Steps {
  signature(): void
  judged(): void
}

const atOnce = 256

/**
 * Has WebCrypto find the signatures that are good, which takes it a twentieth of noble's time. Whatever it does not find
 * good is asked of noble when its turn comes, so that a verdict is the same with and without it; it can save time, and
 * nothing else. All rules but the equation are checked elsewhere (spec/ed25519.md).
 */
export function webEquations(subtle: Subtle | undefined, steps: Steps): EquationsAhead {
  return async (signed) => {
    const good = new Set<string>()
    const verifier = subtle === undefined ? null : new WebVerifier(subtle)
    if (verifier !== null && (await decidesAlike(verifier)))
      for (const batch of batchesOf(signed))
        for (const name of await goodOf(verifier, batch, steps)) good.add(name)
    return (key, message, signature) => {
      steps.judged()
      const isKnown = good.has(nameOf({ key, message, signature }))
      return isKnown || platformEquation(key, message, signature)
    }
  }
}

async function goodOf(
  verifier: WebVerifier,
  batch: readonly SignedMessage[],
  steps: Steps,
): Promise<readonly string[]> {
  const names = await Promise.all(
    batch.map(async (each) => {
      const isGood = await verifier.isGood(each)
      steps.signature()
      return isGood ? [nameOf(each)] : []
    }),
  )
  return names.flat()
}

/** By the digest of all three, whose parts have fixed lengths but for the last. */
function nameOf({ key, message, signature }: SignedMessage): string {
  return sha256Hex(concatBytes(utf8(key.kid), signature, message))
}

/** WebCrypto with the keys that it was given. */
class WebVerifier {
  readonly #subtle: Subtle
  readonly #keys = new WeakMap<PublicKey, Promise<webcrypto.CryptoKey>>()

  constructor(subtle: Subtle) {
    this.#subtle = subtle
  }

  async isGood({ key, message, signature }: SignedMessage): Promise<boolean> {
    try {
      const imported = await this.#keyOf(key)
      return await this.#subtle.verify("Ed25519", imported, owned(signature), owned(message))
    } catch {
      // Whatever it can't do, noble does.
      return false
    }
  }

  #keyOf(key: PublicKey): Promise<webcrypto.CryptoKey> {
    const known = this.#keys.get(key)
    if (known !== undefined) return known
    const made = this.#subtle.importKey("raw", owned(key.raw), "Ed25519", false, ["verify"])
    this.#keys.set(key, made)
    return made
  }
}

/** WebCrypto's types ask for memory that nobody shares. */
function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>
}

function* batchesOf(signed: Iterable<SignedMessage>): Generator<readonly SignedMessage[]> {
  let batch: SignedMessage[] = []
  for (const each of signed) {
    batch.push(each)
    if (batch.length < atOnce) continue
    yield batch
    batch = []
  }
  yield batch
}

async function decidesAlike(verifier: WebVerifier): Promise<boolean> {
  const found = await Promise.all(equationTrials.map((trial) => verifier.isGood(trial)))
  return equationTrials.every(({ holds }, at) => found[at] === holds)
}
