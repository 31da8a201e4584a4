import { hash } from "node:crypto"
import { mkdtempSync, rmSync } from "node:fs"
import type { ServerResponse } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { MessageChannel, Worker } from "node:worker_threads"
import type { FloorEntry, FloorReceipt } from "./floor-worker.ts"
import { usage } from "./pinned-process.ts"
import { type Controller, dispatch, kept, poolOf, type Relayed, serveProxy } from "./plain-proxy.ts"

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
const pool = poolOf("floor", upstreamPort)
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

serveProxy(
  (request, response, body) =>
    record(body, (receipt) => dispatch(pool, request, body, new Relay(response, receipt))),
  () => usage(events),
  close,
)

async function close(): Promise<void> {
  await pool.destroy()
  recorder.postMessage("close", [])
  await new Promise((resolve) => worker.once("exit", resolve))
  rmSync(dir, { recursive: true })
}
