import type { Readable } from "node:stream"

/**
 * Hands each piece of a stream over, to the stream's end. While a promise that `take` gave is pending,
 * the stream waits.
 *
 * Rejects with what `take` fails with or the stream breaks off with, when nothing is pending any more. The
 * stream is then paused, and left as it is.
 */
export function readPieces(
  source: Readable,
  take: (piece: Uint8Array) => Promise<void> | null,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let pending: Promise<void> | null = null
    const leave = (): void => {
      source.off("data", onData).off("end", onEnd).off("error", fail).off("close", onClose)
    }
    const fail = (error: unknown): void => {
      leave()
      source.pause()
      void Promise.allSettled([pending]).then(() => reject(error))
    }
    const onClose = (): void => fail(new Error("the stream was closed before its end"))
    // The end of a stream that is paused comes all the same, with its last piece.
    const onEnd = (): void => {
      leave()
      if (pending === null) resolve()
      else pending.then(resolve, reject)
    }
    const onData = (piece: Uint8Array): void => {
      try {
        pending = take(piece)
      } catch (error) {
        return fail(error)
      }
      if (pending === null) return
      source.pause()
      pending.then(() => source.resume(), fail)
    }
    if (source.closed) onClose()
    else source.on("data", onData).on("end", onEnd).on("error", fail).on("close", onClose)
  })
}
