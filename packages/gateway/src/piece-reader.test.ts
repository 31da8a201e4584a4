import { PassThrough, Readable } from "node:stream"
import { expect, test } from "vitest"
import { readPieces } from "./piece-reader.ts"

test("a stream waits while a piece is dealt with, and its end waits for the last one", async () => {
  const log: string[] = []
  let isBusy = false
  const source = Readable.from([Buffer.from("a"), Buffer.from("b"), Buffer.from("c")])
  await readPieces(source, async (piece) => {
    expect(isBusy).toBe(false)
    isBusy = true
    await new Promise(setImmediate)
    log.push(Buffer.from(piece).toString())
    isBusy = false
  })
  expect(log).toEqual(["a", "b", "c"])
})

test("a piece that is refused ends the reading, and leaves the stream paused for whoever reads on", async () => {
  const source = new PassThrough()
  source.write("a")
  const refused = readPieces(source, () => {
    throw new Error("enough")
  })
  await expect(refused).rejects.toThrow("enough")
  source.end("b")
  expect(source.isPaused()).toBe(true)
  expect(await source.setEncoding("utf8").toArray()).toEqual(["b"])
})

test("a stream that breaks off is told of when the last piece is dealt with", async () => {
  const source = new PassThrough()
  source.write("a")
  let isDealtWith = false
  const broken = readPieces(source, async () => {
    source.destroy(new Error("cut"))
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
    isDealtWith = true
  })
  await expect(broken).rejects.toThrow("cut")
  expect(isDealtWith).toBe(true)
  await expect(readPieces(source, () => null)).rejects.toThrow("closed")
})
