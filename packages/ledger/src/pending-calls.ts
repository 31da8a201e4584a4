/** Whoever waits for the outcome of an id. */
export interface PendingCall {
  readonly id: number
  readonly resolve: (value: never) => void
  readonly reject: (error: unknown) => void
}

const slotsMin = 64

/**
 * Those who wait, by ids that count up. A Map would do, but V8 rebuilds one that turns over, and each table that it
 * leaves points to the next: once one is old, a collection of young objects keeps all that waited since.
 */
export class PendingCalls {
  #slots: (PendingCall | null)[] = emptySlots(slotsMin)

  put(call: PendingCall): void {
    while (this.#slots[call.id % this.#slots.length] !== null) this.#grow()
    this.#slots[call.id % this.#slots.length] = call
  }

  /** Takes out who waits for an id; undefined if nobody does. */
  take(id: number): PendingCall | undefined {
    const at = id % this.#slots.length
    const call = this.#slots[at]
    if (call?.id !== id) return undefined
    this.#slots[at] = null
    return call
  }

  takeAll(): PendingCall[] {
    const all = this.#slots.filter((call) => call !== null)
    this.#slots = emptySlots(slotsMin)
    return all
  }

  #grow(): void {
    const calls = this.#slots.filter((call) => call !== null)
    this.#slots = emptySlots(2 * this.#slots.length)
    // Ids that differ in a smaller ring differ in one of twice its size.
    for (const call of calls) this.#slots[call.id % this.#slots.length] = call
  }
}

function emptySlots(size: number): (PendingCall | null)[] {
  return Array.from({ length: size }, () => null)
}
