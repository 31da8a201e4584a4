import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { createRequire } from "node:module"
import type { Dispatcher } from "undici"
import { serve, usage } from "./pinned-process.ts"

/**
 * The fastest proxy that these two parts make: forwards what comes and answers what comes back, and
 * looks at none of it.
 */
const require = createRequire(new URL("../../packages/gateway/package.json", import.meta.url))
const { Pool } = require("undici") as typeof import("undici")
const { upstreamPort } = JSON.parse(process.argv[2] ?? "") as { upstreamPort: number }
const pool = new Pool(`http://127.0.0.1:${upstreamPort}`, { connections: 256, pipelining: 1 })
const dropped = new Set(["host", "connection", "transfer-encoding", "keep-alive"])

class Relay implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse

  constructor(response: ServerResponse) {
    this.#response = response
  }

  onRequestStart(): void {
    // undici insists on this one.
  }

  onResponseStart({ rawHeaders }: Dispatcher.DispatchController, status: number): void {
    this.#response.sendDate = false
    this.#response.writeHead(status, kept((rawHeaders as Buffer[]).map(String)))
  }

  onResponseData(controller: Dispatcher.DispatchController, piece: Buffer): void {
    if (this.#response.write(piece)) return
    controller.pause()
    this.#response.once("drain", () => controller.resume())
  }

  onResponseEnd(): void {
    this.#response.end()
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
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
