import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { AmcError, isFault, parseTilePath } from "@amc/core"
import { checkpointPath, type TileStore } from "@amc/ledger"

/** Where a server listens. */
export interface ListenAddress {
  readonly host: string
  readonly port: number
}

/** A published tree on HTTP, until it is closed. */
export interface TileServer {
  /** The URL prefix, without a slash at its end. */
  readonly url: string
  close(): Promise<void>
}

const connectionsMax = 64
const aYear = "public, max-age=31536000, immutable"
const aMoment = "no-cache"
const loopback: ReadonlySet<string> = new Set(["127.0.0.1", "::1", "localhost"])

/**
 * Serves exactly the checkpoint and the tiles of a tree, to be read and no more (C2SP tlog-tiles). Nothing else that
 * lies in the folder has a path here.
 *
 * On loopback only requests that name this machine are answered, since a page from elsewhere can have its own
 * name point here and would read the ledger with the browser of whoever looks at it.
 *
 * @throws {@link AmcError} `usage/invalid` if it can't listen there
 */
export async function serveTiles(
  tiles: TileStore,
  { host, port }: ListenAddress,
): Promise<TileServer> {
  const isLocal = loopback.has(host)
  const server = createServer({
    requestTimeout: 10_000,
    headersTimeout: 5000,
    keepAliveTimeout: 5000,
  })
  server.maxConnections = connectionsMax
  server.on("request", (request, response) => {
    void answer(tiles, request, response, isLocal)
  })
  await listening(server, { host, port })
  const { port: bound } = server.address() as AddressInfo
  const name = host.includes(":") ? `[${host}]` : host
  return { url: `http://${name}:${bound}`, close: () => closed(server) }
}

async function answer(
  tiles: TileStore,
  request: IncomingMessage,
  response: ServerResponse,
  isLocal: boolean,
): Promise<void> {
  const { method = "", url = "", headers } = request
  // Nobody has anything to send here.
  request.resume()
  if (isLocal && !isLocalName(headers.host)) return refuse(response, 421)
  if (method !== "GET" && method !== "HEAD") {
    response.setHeader("allow", "GET, HEAD")
    return refuse(response, 405)
  }
  try {
    const path = pathOf(url)
    const bytes = path === null ? null : await tiles.read(path)
    if (path === null || bytes === null) return refuse(response, 404)
    send(response, path, method === "HEAD" ? null : bytes, bytes.length)
  } catch (error) {
    if (!isFault(error)) throw error
    refuse(response, 500)
  }
}

/** The path of a file that is served, or null; the grammar of tiles leaves no room for anything else. */
function pathOf(url: string): string | null {
  const path = url.slice(1)
  if (url === `/${checkpointPath}`) return path
  if (!url.startsWith("/tile/")) return null
  try {
    parseTilePath(path)
    return path
  } catch (error) {
    if (isFault(error, "input/malformed")) return null
    throw error
  }
}

function send(
  response: ServerResponse,
  path: string,
  bytes: Uint8Array | null,
  size: number,
): void {
  const isCheckpoint = path === checkpointPath
  response.writeHead(200, {
    "content-type": isCheckpoint ? "text/plain; charset=utf-8" : "application/octet-stream",
    "content-length": size,
    "cache-control": isCheckpoint ? aMoment : aYear,
    "x-content-type-options": "nosniff",
  })
  response.end(bytes ?? undefined)
}

function refuse(response: ServerResponse, status: number): void {
  response.writeHead(status, { "content-length": 0, "cache-control": aMoment })
  response.end()
}

function isLocalName(host: string | undefined): boolean {
  const name = /^(\[[^\]]*\]|[^:]*)(?::\d+)?$/u.exec(host ?? "")?.[1] ?? ""
  return loopback.has(name.replaceAll(/[[\]]/gu, ""))
}

function listening(server: Server, { host, port }: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause) =>
      reject(
        new AmcError("usage/invalid", `nothing can listen on ${host}:${port}`, {
          cause,
          hint: "choose another --listen, such as 127.0.0.1:0",
        }),
      ),
    )
    server.listen(port, host, () => resolve())
  })
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
