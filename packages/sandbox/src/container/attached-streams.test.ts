import { PassThrough } from "node:stream"
import { buffer } from "node:stream/consumers"
import { array, assert, asyncProperty, constantFrom, integer, tuple, uint8Array } from "fast-check"
import { expect, test } from "vitest"
import { attachedStreams } from "./attached-streams.ts"

const output = constantFrom(1, 2)

function frame(kind: number, bytes: Uint8Array): Buffer {
  const header = Buffer.alloc(8)
  header[0] = kind
  header.writeUInt32BE(bytes.length, 4)
  return Buffer.concat([header, bytes])
}

test("frames are taken apart, however they were cut on the way", async () => {
  const frames = array(tuple(output, uint8Array({ maxLength: 40 })), { maxLength: 20 })
  await assert(
    asyncProperty(frames, integer({ min: 1, max: 50 }), async (sent, piece) => {
      const connection = new PassThrough()
      const { stdout, stderr } = attachedStreams(connection)
      const all = Buffer.concat(sent.map(([kind, bytes]) => frame(kind, bytes)))
      for (let at = 0; at < all.length; at += piece) connection.write(all.subarray(at, at + piece))
      connection.end()
      const of = (wanted: number): Buffer =>
        Buffer.concat(sent.filter(([kind]) => kind === wanted).map(([, bytes]) => bytes))
      expect(await Promise.all([buffer(stdout), buffer(stderr)])).toEqual([of(1), of(2)])
    }),
    { numRuns: 100 },
  )
})

test("a connection that breaks off ends both outputs, with what came before", async () => {
  const connection = new PassThrough()
  const { stdout, stderr } = attachedStreams(connection)
  connection.write(frame(1, Buffer.from("half")).subarray(0, 10))
  const both = Promise.all([buffer(stdout), buffer(stderr)])
  await new Promise((done) => setImmediate(done))
  connection.destroy(new Error("gone"))
  expect((await both).map(String)).toEqual(["ha", ""])
})
