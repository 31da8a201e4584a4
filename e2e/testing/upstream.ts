import { once } from "node:events"
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http"
import type { AddressInfo } from "node:net"
import { buffer } from "node:stream/consumers"
import { sha256Hex } from "@amc/core"

/** A request as a provider gets it. */
export interface Arrived {
  readonly target: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** A provider of a test's own, on a free port of this machine. */
export interface Upstream {
  readonly arrived: readonly Arrived[]
  readonly origin: string
  close(): Promise<void>
}

type Answer = (request: Arrived, response: ServerResponse) => void | Promise<void>

/** Starts a provider that answers as it is told. */
export async function startUpstream(answer: Answer): Promise<Upstream> {
  const arrived: Arrived[] = []
  const server = createServer((request, response) => {
    void read(request).then((whole) => {
      arrived.push(whole)
      return answer(whole, response)
    })
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  return { arrived, origin: `http://127.0.0.1:${port}`, close: () => close(server) }
}

/**
 * Starts a provider in front of another, which gives equal answers to equal requests: what two clients
 * got can then be compared byte by byte, although the model names each answer anew.
 */
export async function startFrozen(origin: string, apiKey: string): Promise<Upstream> {
  const known = new Map<
    string,
    Promise<{ status: number; headers: [string, string][]; body: Buffer }>
  >()
  return startUpstream(async (request, response) => {
    const name = `${request.target} ${sha256Hex(request.body)}`
    const asked = known.get(name) ?? ask(origin, apiKey, request)
    known.set(name, asked)
    const { status, headers, body } = await asked
    response.writeHead(status, Object.fromEntries(headers))
    for (const piece of piecesOf(body)) {
      response.write(piece)
      await new Promise(setImmediate)
    }
    response.end()
  })
}

async function ask(
  origin: string,
  apiKey: string,
  { target, body }: Arrived,
): Promise<{ status: number; headers: [string, string][]; body: Buffer }> {
  const headers = { authorization: `Bearer ${apiKey}`, "content-type": "application/json" }
  const answer = await fetch(origin + target, {
    method: "POST",
    headers,
    body: new Uint8Array(body),
  })
  const kept = [...answer.headers].filter(([name]) => /^(content-type|retry-after)$/.test(name))
  return { status: answer.status, headers: kept, body: Buffer.from(await answer.arrayBuffer()) }
}

/** Frame by frame, as a stream comes. */
function piecesOf(body: Buffer): string[] {
  return body.toString("utf8").split(/(?<=\n\n)/)
}

async function read(request: IncomingMessage): Promise<Arrived> {
  const body = await buffer(request).catch(() => Buffer.alloc(0))
  return { target: request.url ?? "", headers: request.headers, body }
}

async function close(server: Server): Promise<void> {
  const closed = once(server, "close")
  server.close()
  server.closeAllConnections()
  await closed
}
