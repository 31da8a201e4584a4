import { PassThrough, type Readable } from "node:stream"

/** How long a stream may stay open when the process that it belongs to is gone. */
const openAfterExitMs = 1000
/** How long what still lies in the pipe is read on, whoever goes on writing. */
const drainMs = 100

/**
 * A stream that ends with its source, or else soon after `exited`: a process that was left behind may
 * hold the source open for ever. What lay in the pipe until then comes through.
 */
export function cutStream(source: Readable, exited: Promise<unknown>): Readable {
  const out = new PassThrough()
  source.pipe(out)
  source.on("close", () => out.end())
  void exited.then(() => {
    const timer = setTimeout(() => drain(source, out), openAfterExitMs)
    out.on("finish", () => clearTimeout(timer))
  })
  return out
}

/** Reads on without waiting for the reader, since nobody knows when that is done. */
function drain(source: Readable, out: PassThrough): void {
  source.unpipe(out)
  source.on("data", (bytes: Uint8Array) => {
    if (!out.writableEnded) out.write(bytes)
  })
  source.resume()
  setTimeout(() => source.destroy(), drainMs)
}
