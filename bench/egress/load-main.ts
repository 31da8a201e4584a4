import { connect, type Socket } from "node:net"
import { quantile } from "../statistics.ts"
import { serve } from "../gateway/pinned-process.ts"

/** One slice of load: tunnels one after the other, some at once. */
export interface TunnelSlice {
  readonly port: number
  readonly parallel: number
  readonly seconds: number
  /** What opens a tunnel, and what is said in it first, in base64. */
  readonly connect: string
  readonly hello: string
}

export interface TunnelSliced {
  readonly tunnels: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
}

const answerBytes = 1024

/** Resolves when the tunnel has answered in full and is closed. */
function tunnel(port: number, opening: Buffer, hello: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect(port, "127.0.0.1")
    let head = ""
    let isOpen = false
    let received = 0
    socket.setNoDelay(true)
    socket.on("connect", () => socket.write(opening))
    socket.on("data", (piece) => {
      if (isOpen) return void (received += piece.length)
      head += piece.toString("latin1")
      if (!head.includes("\r\n\r\n")) return
      if (!head.startsWith("HTTP/1.1 200 ")) return reject(new Error(head.slice(0, 300)))
      isOpen = true
      socket.write(hello)
    })
    socket.on("error", reject)
    socket.on("close", () =>
      received === answerBytes ? resolve() : reject(new Error(`${received} bytes came`)),
    )
  })
}

async function run({
  port,
  parallel,
  seconds,
  connect: opening,
  hello,
}: TunnelSlice): Promise<TunnelSliced> {
  const [first, second] = [opening, hello].map((text) => Buffer.from(text, "base64")) as [
    Buffer,
    Buffer,
  ]
  const tookMs: number[] = []
  const started = performance.now()
  const until = started + seconds * 1000
  const lanes = Array.from({ length: parallel }, async () => {
    while (performance.now() < until) {
      const before = performance.now()
      await tunnel(port, first, second)
      tookMs.push(performance.now() - before)
    }
  })
  await Promise.all(lanes)
  const took = (performance.now() - started) / 1000
  tookMs.sort((a, b) => a - b)
  return {
    tunnels: tookMs.length,
    seconds: took,
    p50Ms: quantile(tookMs, 0.5),
    p99Ms: quantile(tookMs, 0.99),
  }
}

serve("ready", run, () => undefined)
