import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { defaultLimits } from "@amc/gateway"
import { openPool } from "../../packages/gateway/src/upstream.ts"
import { serve, type Usage } from "./pinned-process.ts"

export type ProviderPool = ReturnType<typeof openPool>
export type Relayed = Parameters<ProviderPool["dispatch"]>[1]
export type Controller = Parameters<NonNullable<Relayed["onResponseStart"]>>[0]

/** What a proxy of the bench does with a request that is here in full. */
export type Forward = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void

const dropped = new Set(["host", "connection", "transfer-encoding", "keep-alive"])

/** The gateway's own pool of connections to the provider of the bench. */
export function poolOf(id: string, upstreamPort: number): ProviderPool {
  const origin = `http://127.0.0.1:${upstreamPort}`
  return openPool({ id, origin, basePath: "", key: null, loopback: true }, defaultLimits)
}

/** The fields that go on to the next hop. */
export function kept(raw: readonly string[]): string[] {
  const fields: string[] = []
  for (let at = 0; at + 1 < raw.length; at += 2)
    if (!dropped.has((raw[at] as string).toLowerCase()))
      fields.push(raw[at] as string, raw[at + 1] as string)
  return fields
}

/** Sends a request on as it came. */
export function dispatch(
  pool: ProviderPool,
  { url = "/", method = "GET", rawHeaders }: IncomingMessage,
  body: Buffer,
  relay: Relayed,
): void {
  pool.dispatch({ path: url, method, headers: kept(rawHeaders), body }, relay)
}

/** Listens, and answers the bench's questions until it lets go. */
export function serveProxy(forward: Forward, used: () => Usage, end: () => Promise<void>): void {
  const server = createServer((request, response) => {
    const pieces: Buffer[] = []
    request.on("data", (piece: Buffer) => pieces.push(piece))
    request.on("end", () => forward(request, response, Buffer.concat(pieces)))
  })
  server.listen(0, "127.0.0.1", () => {
    const { port } = server.address() as AddressInfo
    serve({ port, token: "none" }, used, () => {
      server.close()
      server.closeAllConnections()
      return end()
    })
  })
}
