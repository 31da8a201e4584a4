import { AmcError, type Observation } from "@amc/core"

/** How much may wait to be written. */
export interface QueueLimits {
  readonly observations: number
  readonly bytes: number
}

export const defaultQueueLimits: QueueLimits = { observations: 4096, bytes: 64 * 1024 * 1024 }

/** Counts what waits and refuses what goes above a mark, so that a slow disk can't eat the memory. */
export class HighWater {
  readonly #limits: QueueLimits
  #observations = 0
  #bytes = 0

  constructor(limits: QueueLimits = defaultQueueLimits) {
    this.#limits = limits
  }

  /** Lets an observation in; call what is returned when it has been dealt with. @throws {@link AmcError} `ledger/busy` */
  enter(observation: Observation): () => void {
    const bytes = blobSize(observation)
    const { observations: most, bytes: mostBytes } = this.#limits
    // A single blob above the mark passes when nothing waits, or it could never be written.
    if (this.#observations >= most || (this.#bytes > 0 && this.#bytes + bytes > mostBytes))
      throw new AmcError("ledger/busy", "too much is waiting to be written")
    this.#observations++
    this.#bytes += bytes
    return () => {
      this.#observations--
      this.#bytes -= bytes
    }
  }
}

function blobSize({ payload }: Observation): number {
  return payload?.blob instanceof Uint8Array ? payload.blob.length : 0
}
