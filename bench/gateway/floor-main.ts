import { hash } from "node:crypto"
import { mkdtempSync, rmSync } from "node:fs"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { MessageChannel, Worker } from "node:worker_threads"
import { defaultLimits } from "@amc/gateway"
import { openPool } from "../../packages/gateway/src/upstream.ts"
import type { FloorEntry, FloorReceipt } from "./floor-worker.ts"
import { serve, usage } from "./pinned-process.ts"

/**
 * The least that any gateway with the same promise does: what the bare proxy does, the digest of both bodies, and
 * in strict order, before the request goes on and before the answer ends, a signed, chained, durable event. It
 * looks into nothing, checks nothing and keeps no body.
 */
const { upstreamPort } = JSON.parse(process.argv[2] ?? "") as { upstreamPort: number }
const signs = process.env["FLOOR_SIGNS"] === "group" ? "group" : "each"
const dir = mkdtempSync(join(process.env["BENCH_DIR"] ?? tmpdir(), "amc-floor-"))
const { port1: recorder, port2 } = new MessageChannel()
const worker = new Worker(new URL("./floor-worker.ts", import.meta.url), {
  workerData: { dir, port: port2, signs },
  transferList: [port2],
})
const origin = `http://127.0.0.1:${upstreamPort}`
const upstream = { id: "floor", origin, basePath: "", key: null, loopback: true }
const pool = openPool(upstream, defaultLimits)
type Relayed = Parameters<typeof pool.dispatch>[1]
type Controller = Parameters<NonNullable<Relayed["onResponseStart"]>>[0]
const dropped = new Set(["host", "connection", "transfer-encoding", "keep-alive"])

let outbox: FloorEntry[] = []
let events = 0
const pending = new Map<number, (receipt: string) => void>()

function record(bytes: Buffer, done: (receipt: string) => void): void {
  if (outbox.length === 0) setImmediate(send)
  const id = events++
  pending.set(id, done)
  outbox.push([id, hash("sha256", bytes), bytes.length])
}

function send(): void {
  recorder.postMessage(outbox, [])
  outbox = []
}

recorder.on("message", (receipts: readonly FloorReceipt[]) => {
  for (const [id, receipt] of receipts) {
    pending.get(id)?.(receipt)
    pending.delete(id)
  }
})

class Relay implements Relayed {
  readonly #response: ServerResponse
  readonly #receipt: string
  readonly #pieces: Buffer[] = []
  #status = 0
  #headers: string[] = []
  #isStream = false

  constructor(response: ServerResponse, receipt: string) {
    this.#response = response
    this.#receipt = receipt
  }

  onRequestStart(): void {
    // undici insists on this one.
  }

  onResponseStart({ rawHeaders }: Controller, status: number): void {
    this.#response.sendDate = false
    this.#status = status
    this.#headers = kept((rawHeaders as Buffer[]).map(String))
    this.#isStream = this.#headers.includes("text/event-stream")
    this.#headers.push("x-amc-request-receipt", this.#receipt)
    if (this.#isStream) this.#response.writeHead(status, this.#headers)
  }

  onResponseData(controller: Controller, piece: Buffer): void {
    this.#pieces.push(piece)
    if (!this.#isStream || this.#response.write(piece)) return
    controller.pause()
    this.#response.once("drain", () => controller.resume())
  }

  onResponseEnd(): void {
    const body = Buffer.concat(this.#pieces)
    record(body, (receipt) => this.#release(body, receipt))
  }

  #release(body: Buffer, receipt: string): void {
    if (this.#isStream) return void this.#response.end()
    this.#response.writeHead(this.#status, [...this.#headers, "x-amc-receipt", receipt])
    this.#response.end(body)
  }

  onResponseError(_controller: Controller, error: Error): void {
    throw error
  }
}

function kept(raw: readonly string[]): string[] {
  const fields: string[] = []
  for (let at = 0; at + 1 < raw.length; at += 2)
    if (!dropped.has((raw[at] as string).toLowerCase()))
      fields.push(raw[at] as string, raw[at + 1] as string)
  return fields
}

function forward(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
  const { url = "/", method = "GET", rawHeaders } = request
  record(body, (receipt) =>
    pool.dispatch(
      { path: url, method, headers: kept(rawHeaders), body },
      new Relay(response, receipt),
    ),
  )
}

const server = createServer((request, response) => {
  const pieces: Buffer[] = []
  request.on("data", (piece: Buffer) => pieces.push(piece))
  request.on("end", () => forward(request, response, Buffer.concat(pieces)))
})

async function close(): Promise<void> {
  server.close()
  server.closeAllConnections()
  await pool.destroy()
  recorder.postMessage("close", [])
  await new Promise((resolve) => worker.once("exit", resolve))
  rmSync(dir, { recursive: true })
}

server.listen(0, "127.0.0.1", () => {
  const { port } = server.address() as AddressInfo
  serve({ port, token: "none" }, () => usage(events), close)
})
