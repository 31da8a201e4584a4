import { once } from "node:events"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { type Api, answer, sendJson } from "./api.ts"
import { Problem } from "./problem.ts"
import { RateLimit } from "./rate-limit.ts"
import { authorize } from "./request.ts"
import { closeToOthers, removeStaleSocket } from "./socket-file.ts"

/** Where a model server listens, and the key that it asks for. */
export interface ModelServerOptions {
  readonly apiKey: string
  /** A unix socket; then `port` is not looked at. */
  readonly socketPath?: string
  /** A port of 127.0.0.1; 0 takes any that is free. */
  readonly port?: number
  /** Milliseconds since 1970, for the `created` fields. */
  readonly clock?: () => number
}

export interface ModelServer {
  /** `http://127.0.0.1:<port>` or `unix:<path>`. The API is under `/v1`. */
  readonly url: string
  /** Ends every connection, and removes the socket. */
  close(): Promise<void>
}

/**
 * Starts the scripted model server.
 *
 * @throws Error if the key is empty or the place is taken.
 */
export async function startModelServer(options: ModelServerOptions): Promise<ModelServer> {
  if (options.apiKey === "") throw new Error("the API key must not be empty")
  const api = { limit: new RateLimit(), clock: options.clock ?? Date.now }
  const server = createServer((request, result) => {
    void serve(api, options.apiKey, request, result)
  })
  server.requestTimeout = 60_000
  const url = await listen(server, options)
  return { url, close: () => close(server) }
}

async function serve(
  api: Api,
  apiKey: string,
  request: IncomingMessage,
  result: ServerResponse,
): Promise<void> {
  try {
    authorize(request, apiKey)
    await answer(api, request, result)
  } catch (error) {
    if (error instanceof Problem) sendJson(result, error.body(), error.status, error.headers)
    // The client ended its request early, so there is nobody to answer.
    else if (request.destroyed && !request.complete) result.destroy()
    else throw error
  }
}

async function listen(server: Server, { socketPath, port }: ModelServerOptions): Promise<string> {
  if (socketPath === undefined) server.listen(port ?? 0, "127.0.0.1")
  else {
    await removeStaleSocket(socketPath)
    server.listen(socketPath)
  }
  await once(server, "listening")
  if (socketPath === undefined) return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  closeToOthers(socketPath)
  return `unix:${socketPath}`
}

async function close(server: Server): Promise<void> {
  const closed = once(server, "close")
  server.close()
  server.closeAllConnections()
  await closed
}
