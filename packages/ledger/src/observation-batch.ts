import type { Observation } from "@amc/core"

/**
 * Observations on their way between threads: one text and the bytes of their payloads one after another.
 * A clone of so many small objects takes longer.
 */
export interface ObservationBatch {
  readonly text: string
  readonly bytes: Uint8Array<ArrayBuffer>
}

const roomMin = 16 * 1024

/** Puts observations together, each as it is when it is added. */
export class BatchPacker {
  #texts: string[] = []
  #bytes = new Uint8Array(0)
  #used = 0
  /** What the last batch used: the next will use about as much. */
  #usedLast = 0

  /** How many are in it. */
  get size(): number {
    return this.#texts.length
  }

  /** @throws TypeError for what JSON can't say; nothing is added then */
  add(observation: Observation): void {
    const { payload } = observation
    if (!(payload?.blob instanceof Uint8Array)) {
      this.#texts.push(JSON.stringify(observation))
      return
    }
    const { blob } = payload
    this.#texts.push(JSON.stringify({ ...observation, payload: { ...payload, blob: blob.length } }))
    this.#put(blob)
  }

  /** Takes out all that was added. The bytes are in a buffer of their own, which may be transferred. */
  take(): ObservationBatch {
    const text = `[${this.#texts.join()}]`
    const bytes = this.#bytes.subarray(0, this.#used)
    this.#texts = []
    this.#bytes = new Uint8Array(0)
    this.#usedLast = this.#used
    this.#used = 0
    return { text, bytes }
  }

  #put(blob: Uint8Array): void {
    const end = this.#used + blob.length
    if (end > this.#bytes.length) {
      const room = Math.max(roomMin, end, this.#usedLast, 2 * this.#bytes.length)
      // Bytes that are about to be written need no zeros before, and what is in the pool can't be transferred.
      const larger = new Uint8Array(Buffer.allocUnsafeSlow(room).buffer)
      larger.set(this.#bytes.subarray(0, this.#used))
      this.#bytes = larger
    }
    this.#bytes.set(blob, this.#used)
    this.#used = end
  }
}

/** The observations of a batch; their payloads are views of its bytes. */
export function unpackObservations({ text, bytes }: ObservationBatch): Observation[] {
  const observations = JSON.parse(text) as { payload?: { blob: unknown } }[]
  let at = 0
  for (const { payload } of observations)
    if (typeof payload?.blob === "number") payload.blob = bytes.subarray(at, (at += payload.blob))
  return observations as Observation[]
}
