import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { defaultLimits } from "@amc/gateway"
import { openPool } from "../../packages/gateway/src/upstream.ts"
import { serve, usage } from "./pinned-process.ts"

/**
 * The fastest proxy that node:http and undici make, with the gateway's own pool: forwards what comes,
 * answers what comes back, and looks at none of it.
 */
const { upstreamPort } = JSON.parse(process.argv[2] ?? "") as { upstreamPort: number }
const origin = `http://127.0.0.1:${upstreamPort}`
const upstream = { id: "bare", origin, basePath: "", key: null, loopback: true }
const pool = openPool(upstream, defaultLimits)
type Relayed = Parameters<typeof pool.dispatch>[1]
type Controller = Parameters<NonNullable<Relayed["onResponseStart"]>>[0]
const dropped = new Set(["host", "connection", "transfer-encoding", "keep-alive"])

class Relay implements Relayed {
  readonly #response: ServerResponse

  constructor(response: ServerResponse) {
    this.#response = response
  }

  onRequestStart(): void {
    // undici insists on this one.
  }

  onResponseStart({ rawHeaders }: Controller, status: number): void {
    this.#response.sendDate = false
    this.#response.writeHead(status, kept((rawHeaders as Buffer[]).map(String)))
  }

  onResponseData(controller: Controller, piece: Buffer): void {
    if (this.#response.write(piece)) return
    controller.pause()
    this.#response.once("drain", () => controller.resume())
  }

  onResponseEnd(): void {
    this.#response.end()
  }

  /** What is under way when the bench stops ends so too. */
  onResponseError(): void {
    this.#response.destroy()
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
  pool.dispatch({ path: url, method, headers: kept(rawHeaders), body }, new Relay(response))
}

const server = createServer((request, response) => {
  const pieces: Buffer[] = []
  request.on("data", (piece: Buffer) => pieces.push(piece))
  request.on("end", () => forward(request, response, Buffer.concat(pieces)))
})
server.listen(0, "127.0.0.1", () => {
  const { port } = server.address() as AddressInfo
  serve(
    { port, token: "none" },
    () => usage(),
    () => {
      server.close()
      server.closeAllConnections()
      return pool.destroy()
    },
  )
})
