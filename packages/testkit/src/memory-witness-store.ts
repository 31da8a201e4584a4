import {
  type Contradiction,
  contradictionsMax,
  type WitnessedCheckpoint,
  type WitnessStore,
} from "@amc/ledger"

/** A {@link WitnessStore} that forgets everything with the process. */
export class MemoryWitnessStore implements WitnessStore {
  readonly #latest = new Map<string, WitnessedCheckpoint>()
  #kept: Contradiction[] = []

  async latest(origin: string): Promise<WitnessedCheckpoint | null> {
    return this.#latest.get(origin) ?? null
  }

  async swap(expected: WitnessedCheckpoint | null, next: WitnessedCheckpoint): Promise<boolean> {
    const found = this.#latest.get(next.origin)
    const isSame =
      found?.size === expected?.size &&
      found?.note === expected?.note &&
      found?.time === expected?.time
    if (isSame) this.#latest.set(next.origin, next)
    return isSame
  }

  async keep(fresh: Contradiction): Promise<void> {
    const ofKind = this.#kept.filter((each) => isOfKind(each, fresh))
    const isKnown = ofKind.some(({ kept, sent }) => kept === fresh.kept && sent === fresh.sent)
    const isFull = ofKind.length >= contradictionsMax
    if (isKnown || (isFull && fresh.kind === "fork")) return
    const [oldest] = ofKind
    if (isFull) this.#kept = this.#kept.filter((each) => each !== oldest)
    this.#kept.push(fresh)
  }

  async contradictions(origin: string): Promise<readonly Contradiction[]> {
    return this.#kept.filter((each) => each.origin === origin)
  }

  async close(): Promise<void> {
    this.#latest.clear()
  }
}

function isOfKind(a: Contradiction, b: Contradiction): boolean {
  return a.origin === b.origin && a.kind === b.kind
}
