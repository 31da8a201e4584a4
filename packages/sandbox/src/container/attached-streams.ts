import { type Duplex, PassThrough, type Readable, type Writable } from "node:stream"
import { once } from "node:events"

/** A container's three standard streams over one connection. */
export interface AttachedStreams {
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable
}

const headerBytes = 8
/** Read ahead of whoever reads, since an engine waits but two seconds for that once the container has ended. */
const aheadBytes = 4 << 20

/**
 * Takes a container's connection apart: what is written goes to stdin, and what comes is in frames that say which
 * of the two outputs they are. A reader that is slow holds the container up, and loses nothing.
 */
export function attachedStreams(connection: Duplex): AttachedStreams {
  const stdout = new PassThrough({ highWaterMark: aheadBytes })
  const stderr = new PassThrough({ highWaterMark: aheadBytes })
  connection.on("error", () => {})
  const ended = takeApart(connection, { 1: stdout, 2: stderr })
  void ended
    .catch(() => {})
    .then(() => {
      stdout.end()
      stderr.end()
    })
  return { stdin: connection, stdout, stderr }
}

async function takeApart(
  connection: Readable,
  outputs: Readonly<Record<number, PassThrough>>,
): Promise<void> {
  let header = Buffer.alloc(0)
  let left = 0
  let output: PassThrough | undefined
  for await (const bytes of connection as AsyncIterable<Buffer>) {
    for (let at = 0; at < bytes.length;) {
      if (left === 0) {
        const part = bytes.subarray(at, at + headerBytes - header.length)
        header = Buffer.concat([header, part])
        at += part.length
        if (header.length < headerBytes) break
        output = outputs[header[0] ?? 0]
        left = header.readUInt32BE(4)
        header = Buffer.alloc(0)
        continue
      }
      const part = bytes.subarray(at, at + left)
      at += part.length
      left -= part.length
      if (output !== undefined && !output.write(part)) await once(output, "drain")
    }
  }
}
