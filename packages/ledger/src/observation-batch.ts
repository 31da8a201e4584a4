import type { Observation } from "@amc/core"

/**
 * Observations on their way between threads: one text and the bytes of their payloads one after another.
 * A clone of so many small objects takes longer.
 */
export interface ObservationBatch {
  readonly text: string
  readonly bytes: Uint8Array<ArrayBuffer>
}

/** Puts observations together, each as it is when it is added. */
export class BatchPacker {
  #texts: string[] = []
  #blobs: Buffer[] = []

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
    this.#blobs.push(Buffer.from(blob))
  }

  /** Takes out all that was added. The bytes are in a buffer of their own, which may be transferred. */
  take(): ObservationBatch {
    const bytes = new Uint8Array(this.#blobs.reduce((sum, { length }) => sum + length, 0))
    let at = 0
    for (const blob of this.#blobs) {
      bytes.set(blob, at)
      at += blob.length
    }
    const text = `[${this.#texts.join()}]`
    this.#texts = []
    this.#blobs = []
    return { text, bytes }
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
