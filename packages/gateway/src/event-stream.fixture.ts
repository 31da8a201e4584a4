import { crc32 } from "node:zlib"

/** One message of `application/vnd.amazon.eventstream` with string headers. */
export function eventMessage(
  headers: Readonly<Record<string, string>>,
  payload: string | Uint8Array,
): Buffer {
  const fields = Buffer.concat(Object.entries(headers).map(([name, value]) => field(name, value)))
  const body = Buffer.from(payload as Uint8Array)
  const prelude = Buffer.alloc(8)
  prelude.writeUInt32BE(12 + fields.length + body.length + 4, 0)
  prelude.writeUInt32BE(fields.length, 4)
  const start = Buffer.concat([prelude, sumOf(prelude), fields, body])
  return Buffer.concat([start, sumOf(start)])
}

/** Events of a converse stream, each with its name and its payload. */
export function converseStream(...events: readonly (readonly [string, unknown])[]): Buffer {
  const message = ([name, payload]: readonly [string, unknown]): Buffer =>
    eventMessage(
      { ":event-type": name, ":content-type": "application/json", ":message-type": "event" },
      JSON.stringify(payload),
    )
  return Buffer.concat(events.map(message))
}

/** Chunks of an invoke stream, with what the model said in base64. */
export function invokeStream(...chunks: readonly unknown[]): Buffer {
  const wrapped = chunks.map((chunk) => ({
    bytes: Buffer.from(JSON.stringify(chunk)).toString("base64"),
    p: "abcdefghij",
  }))
  return converseStream(...wrapped.map((chunk) => ["chunk", chunk] as const))
}

function sumOf(bytes: Uint8Array): Buffer {
  const sum = Buffer.alloc(4)
  sum.writeUInt32BE(crc32(bytes), 0)
  return sum
}

function field(name: string, value: string): Buffer {
  const size = Buffer.alloc(2)
  size.writeUInt16BE(Buffer.byteLength(value), 0)
  return Buffer.concat([
    Uint8Array.of(Buffer.byteLength(name)),
    Buffer.from(name),
    Uint8Array.of(7),
    size,
    Buffer.from(value),
  ])
}
