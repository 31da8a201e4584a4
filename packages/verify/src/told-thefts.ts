import { type Keyring, parseEvent } from "@amc/core"
import { attempt } from "./attempt.ts"

/** Whether the revocation list names any stolen key: without one there is nothing to look for. */
export function hasThefts({ revocations }: Keyring): boolean {
  return [...revocations.revoked.values()].some(({ reason }) => reason === "compromised")
}

/**
 * The stolen keys that these leaves themselves tell of, by a key that counts. Scoring leaves out every session
 * in which such a key signed, so that what it signed need not be refused: nothing rests on it.
 */
export class ToldThefts {
  readonly #keyring: Keyring
  readonly #kids = new Set<string>()

  constructor(keyring: Keyring) {
    this.#keyring = keyring
  }

  get kids(): ReadonlySet<string> {
    return this.#kids
  }

  /** Takes the next leaf into account. Its signature is for the check of its chain to judge. */
  note(bytes: Uint8Array): void {
    // The check of the chain says what is wrong with it.
    const event = attempt(() => parseEvent(bytes))
    if (event?.type !== "key_change" || event.facts.measured.action !== "revoked") return
    const { kid, lane, lseq: index, ts } = event
    if (this.#keyring.flawOf("monitor", kid, { lane, index, ts }) === null)
      this.#kids.add(event.facts.measured.kid)
  }
}
