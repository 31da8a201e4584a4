import { connect, type Socket } from "node:net"
import { quantile } from "../statistics.ts"
import { serve } from "./pinned-process.ts"

/** One slice of load. Each connection sends its next request when the answer to the last is whole. */
export interface Slice {
  readonly port: number
  readonly connections: number
  readonly seconds: number
  /** The request's bytes, in base64. */
  readonly request: string
  /** What each answer's head must hold. */
  readonly mustHold: string
}

export interface Sliced {
  readonly answers: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** To the first byte of the body. */
  readonly firstByteP50Ms: number
  readonly firstByteP99Ms: number
}

const streamEnd = Buffer.from("\r\n0\r\n\r\n")

class Client {
  readonly #socket: Socket
  readonly #slice: Slice
  readonly #request: Buffer
  readonly #until: number
  readonly #wholeMs: number[]
  readonly #firstByteMs: number[]
  readonly ended: Promise<void>
  #end: () => void = () => undefined
  #sentAt = 0
  #seen: Buffer = Buffer.alloc(0)
  /** Bytes of the body that are still to come; -1 for chunks, and null before the head. */
  #left: number | null = null
  #isFirst = true

  constructor(slice: Slice, until: number, wholeMs: number[], firstByteMs: number[]) {
    this.#slice = slice
    this.#request = Buffer.from(slice.request, "base64")
    this.#until = until
    this.#wholeMs = wholeMs
    this.#firstByteMs = firstByteMs
    this.ended = new Promise((resolve) => (this.#end = resolve))
    this.#socket = connect(slice.port, "127.0.0.1", () => this.#send())
    this.#socket.setNoDelay(true)
    this.#socket.on("data", (piece) => this.#take(piece))
    this.#socket.on("end", () => this.#fail("a connection was closed in the middle"))
    this.#socket.on("error", (error) => this.#fail(error.message))
  }

  #send(): void {
    this.#sentAt = performance.now()
    this.#isFirst = true
    this.#left = null
    this.#seen = Buffer.alloc(0)
    this.#socket.write(this.#request)
  }

  #take(piece: Buffer): void {
    const body = this.#left === null ? this.#takeHead(piece) : piece
    if (body === null || body.length === 0) return
    if (this.#isFirst) this.#firstByteMs.push(performance.now() - this.#sentAt)
    this.#isFirst = false
    if (this.#isWhole(body)) this.#finish()
  }

  #takeHead(piece: Buffer): Buffer | null {
    this.#seen = this.#seen.length === 0 ? piece : Buffer.concat([this.#seen, piece])
    const headEnd = this.#seen.indexOf("\r\n\r\n")
    if (headEnd < 0) return null
    const head = this.#seen.toString("latin1", 0, headEnd)
    if (!head.startsWith("HTTP/1.1 200 ") || !head.includes(this.#slice.mustHold))
      this.#fail(`an answer began with ${head.slice(0, 300)}`)
    const [, length] = /\r\ncontent-length: (\d+)/i.exec(head) ?? []
    this.#left = length === undefined ? -1 : Number(length)
    const body = this.#seen.subarray(headEnd + 4)
    this.#seen = Buffer.alloc(0)
    return body
  }

  #isWhole(body: Buffer): boolean {
    if (this.#left !== null && this.#left >= 0) return (this.#left -= body.length) === 0
    const tail = Buffer.concat([this.#seen, body.subarray(-streamEnd.length)])
    this.#seen = tail.subarray(-streamEnd.length)
    return this.#seen.equals(streamEnd)
  }

  #finish(): void {
    const now = performance.now()
    this.#wholeMs.push(now - this.#sentAt)
    if (now < this.#until) return this.#send()
    this.#socket.removeAllListeners("end")
    this.#socket.destroy()
    this.#end()
  }

  #fail(why: string): void {
    throw new Error(`the load met a fault: ${why}`)
  }
}

async function run(slice: Slice): Promise<Sliced> {
  const [wholeMs, firstByteMs]: [number[], number[]] = [[], []]
  const started = performance.now()
  const until = started + slice.seconds * 1000
  const clients = Array.from(
    { length: slice.connections },
    () => new Client(slice, until, wholeMs, firstByteMs),
  )
  await Promise.all(clients.map(({ ended }) => ended))
  const seconds = (performance.now() - started) / 1000
  wholeMs.sort((a, b) => a - b)
  firstByteMs.sort((a, b) => a - b)
  return {
    answers: wholeMs.length,
    seconds,
    p50Ms: quantile(wholeMs, 0.5),
    p99Ms: quantile(wholeMs, 0.99),
    firstByteP50Ms: quantile(firstByteMs, 0.5),
    firstByteP99Ms: quantile(firstByteMs, 0.99),
  }
}

serve("ready", run, () => undefined)
