import { once } from "node:events"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { addCheckpointMax, AmcError, isFault } from "@amc/core"
import type { Witness, WitnessAnswer } from "./witness.ts"

export interface WitnessServerTerms {
  readonly witness: Witness
  readonly host: string
  /** 0 for any that is free. */
  readonly port: number
  /** Told what went wrong inside; what a client did wrong is only answered. */
  readonly warn: (text: string) => void
}

/** A witness that listens. */
export interface WitnessServer {
  /** The submission prefix that logs are given. */
  readonly url: string
  /** Answers what came in, and ends. */
  close(): Promise<void>
}

const limits = {
  /** A request that is not here by then is dropped, head and body. */
  requestTimeout: 10_000,
  headersTimeout: 5_000,
  keepAliveTimeout: 10_000,
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 8 * 1024,
} as const
const connectionsMax = 256

/**
 * Serves `POST /add-checkpoint` and nothing else.
 *
 * @throws {@link AmcError} `usage/invalid` if it can't listen there
 */
export async function serveWitness(terms: WitnessServerTerms): Promise<WitnessServer> {
  const server = createServer(limits, (request, response) => {
    answer(terms, request).then(
      (given) => send(response, given),
      (error: unknown) => fail(terms, response, error),
    )
  })
  server.maxConnections = connectionsMax
  server.on("clientError", (_error, socket) => socket.destroy())
  await listen(server, terms)
  const { address, port, family } = server.address() as AddressInfo
  const host = family === "IPv6" ? `[${address}]` : address
  return { url: `http://${host}:${port}`, close: () => closed(server) }
}

async function answer(
  { witness }: WitnessServerTerms,
  request: IncomingMessage,
): Promise<WitnessAnswer | Refusal> {
  if (request.url !== "/add-checkpoint") return refusals.unknown
  if (request.method !== "POST") return refusals.method
  const body = await readBody(request)
  return body === null ? refusals.tooLarge : witness.addCheckpoint(body)
}

interface Refusal extends Omit<WitnessAnswer, "status"> {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
}

const contentType = "text/plain; charset=utf-8"
const refusals = {
  unknown: { status: 404, contentType, body: "there is only /add-checkpoint\n" },
  method: { status: 405, contentType, body: "it takes POST\n", headers: { allow: "POST" } },
  tooLarge: {
    status: 413,
    contentType,
    body: `a request has ${addCheckpointMax} bytes at most\n`,
    // The rest of the body is not waited for.
    headers: { connection: "close" },
  },
  fault: { status: 503, contentType, body: "the witness can't keep what it would promise\n" },
  bug: { status: 500, contentType, body: "the witness failed\n" },
} as const satisfies Record<string, Refusal>

/** Null for a body that is too large. */
async function readBody(request: IncomingMessage): Promise<Uint8Array | null> {
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of request as AsyncIterable<Uint8Array>) {
    size += piece.length
    if (size > addCheckpointMax) return null
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

function send(
  response: ServerResponse,
  { status, contentType: type, body, ...rest }: Refusal,
): void {
  const length = Buffer.byteLength(body)
  response.writeHead(status, { "content-type": type, "content-length": length, ...rest.headers })
  response.end(body)
}

/** A client that went away is no news. */
function fail({ warn }: WitnessServerTerms, response: ServerResponse, error: unknown): void {
  if (response.destroyed || response.headersSent) return
  const isKnown = isFault(error)
  warn(isKnown ? error.message : String(error instanceof Error ? error.stack : error))
  send(response, isKnown ? refusals.fault : refusals.bug)
}

async function listen(server: Server, { host, port }: WitnessServerTerms): Promise<void> {
  server.listen({ host, port })
  try {
    await once(server, "listening")
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new AmcError("usage/invalid", `can't listen on ${host}:${port} (${code})`, { cause })
  }
}

async function closed(server: Server): Promise<void> {
  const ended = once(server, "close")
  server.close()
  server.closeIdleConnections()
  await ended
}
