import {
  type ClientRequest,
  type IncomingMessage,
  request as httpRequest,
  type ServerResponse,
} from "node:http"
import type { Readable, Writable } from "node:stream"
import { AmcError } from "@amc/core"
import type { ClientLink } from "./client-link.ts"
import { type AccountedConnection, byteLimit } from "./egress-account.ts"
import type { EgressLimits } from "./egress-limits.ts"
import { type ConnectionEnd, type ConnectionRecord, noHello } from "./egress-record.ts"
import type { EgressRoute } from "./egress-route.ts"
import { bracketed, type RequestTarget } from "./egress-target.ts"
import { proxiedFields, responseHeaders } from "./header-fields.ts"

export interface EgressRequestTerms {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly client: ClientLink
  readonly target: RequestTarget
  readonly route: EgressRoute
  readonly record: ConnectionRecord
  readonly account: AccountedConnection
  readonly limits: EgressLimits
  /** Until the lease ends. */
  readonly leaseMs: number
}

/** Answers 1xx before the one that counts. */
const mostInformed = 16

/**
 * One plain HTTP request by a connection of its own. Its opening is recorded already. Answers pass as they
 * are, redirects too: what a client asks for next is judged again.
 */
export class EgressRequest {
  readonly #terms: EgressRequestTerms
  readonly #upstream: ClientRequest
  readonly #total: NodeJS.Timeout
  readonly #counter: NodeJS.Timeout
  #deadline: NodeJS.Timeout | undefined
  #end: ConnectionEnd | null = null
  #fault: AmcError | null = null
  #resolve: () => void = () => undefined
  #isConnected = false
  #status = 0
  #counted = 0
  #informed = 0
  /** Of the bodies, as they passed. */
  #taken = 0
  /** Kept here, since a socket that is gone tells no more. */
  #moved = { sent: 0, received: 0 }

  constructor(terms: EgressRequestTerms) {
    const { request, target, route, limits, leaseMs } = terms
    this.#terms = terms
    const host = bracketed(target)
    this.#upstream = httpRequest({
      host: route.address,
      port: target.port,
      method: request.method ?? "GET",
      path: target.path,
      headers: proxiedFields(
        request.rawHeaders,
        target.port === 80 ? host : `${host}:${target.port}`,
      ),
      setHost: false,
      agent: false,
      maxHeaderSize: limits.headerBytes,
    })
    const totalMs = Math.min(limits.totalMs, Math.max(1, leaseMs))
    this.#total = setTimeout(() => this.#settle("timeout", late()), totalMs)
    this.#counter = setInterval(() => void this.#count(), limits.countEveryMs)
  }

  /** Ends the request from outside. */
  close(): void {
    this.#settle("closed", null)
  }

  /** Resolves when it has ended and that is recorded. Gives why, if it is the proxy that has to answer. */
  async run(): Promise<AmcError | null> {
    const { client, limits, request, record } = this.#terms
    const ended = new Promise<void>((resolve) => (this.#resolve = resolve))
    this.#deadline = setTimeout(
      () => this.#settle("upstream-unreachable", late()),
      limits.connectMs,
    )
    this.#upstream
      .on("error", () =>
        this.#settle(this.#isConnected ? "upstream-cut" : "upstream-unreachable", unreachable()),
      )
      .once("response", (answer) => this.#answer(answer))
      .on("information", () => this.#inform())
      // Nothing was asked to change its protocol.
      .once("upgrade", () => this.#settle("upstream-cut", unreachable()))
      .once("close", () => {
        if (this.#status === 0) this.#settle("upstream-cut", unreachable())
      })
      .once("socket", (socket) => socket.once("connect", () => this.#connected()))
    this.#upstream.setTimeout(limits.idleMs, () => this.#settle("timeout", late()))
    client.onGone(() => this.#settle("client-gone", null))
    this.#pump(request, this.#upstream)
    await ended
    await record.close(this.#end ?? "closed", this.#measured())
    return this.#fault
  }

  #connected(): void {
    this.#isConnected = true
    clearTimeout(this.#deadline)
  }

  /** What a host says before it answers is passed on to nobody, and has an end. */
  #inform(): void {
    if (++this.#informed > mostInformed) this.#settle("upstream-cut", unreachable())
  }

  #answer(answer: IncomingMessage): void {
    if (this.#end !== null) return
    const { response } = this.#terms
    this.#status = answer.statusCode ?? 0
    answer.on("error", () => this.#settle("upstream-cut", null))
    answer.on("close", () => {
      if (!answer.complete) this.#settle("upstream-cut", null)
    })
    response.sendDate = false
    try {
      response.writeHead(this.#status, answer.statusMessage, responseHeaders(answer.rawHeaders))
      response.flushHeaders()
    } catch {
      // Node refuses a header that HTTP does not allow.
      return this.#settle("upstream-cut", unreachable())
    }
    response.once("finish", () => this.#settle("complete", null))
    // From here on the host's own clock is over, and only the client can be waited for.
    answer.once("end", () =>
      response.setTimeout(this.#terms.limits.idleMs, () => this.#settle("timeout", null)),
    )
    this.#pump(answer, response)
  }

  #pump(from: Readable, to: Writable): void {
    from.on("data", (piece: Uint8Array) => {
      if (this.#end !== null || !this.#take(piece.length)) return
      if (to.write(piece)) return
      from.pause()
      to.once("drain", () => from.resume())
    })
    from.once("end", () => {
      if (this.#end === null) to.end()
    })
  }

  #take(size: number): boolean {
    this.#taken += size
    const verdict = this.#terms.account.take(size)
    if (verdict === "limit") this.#settle("limit", byteLimit(this.#terms.limits.bytesPerLease))
    else if (verdict === "lease-ended") this.#settle("closed", null)
    return verdict === "ok"
  }

  async #count(): Promise<void> {
    const { sent, received } = this.#measured()
    if (sent + received === this.#counted || this.#end !== null) return
    this.#counted = sent + received
    if (!(await this.#terms.record.count(this.#measured()))) this.#settle("closed", null)
  }

  #settle(end: ConnectionEnd, fault: AmcError | null): void {
    if (this.#end !== null) return
    const { sent, received } = this.#measured()
    // The heads, which a session can fill too.
    this.#terms.account.take(Math.max(0, sent + received - this.#taken))
    this.#end = end
    const { client } = this.#terms
    this.#fault = client.isGone || client.isHeadSent ? null : fault
    for (const timer of [this.#deadline, this.#total, this.#counter]) clearTimeout(timer)
    this.#upstream.destroy()
    if (end !== "complete" && this.#fault === null && !client.isGone) client.reset()
    this.#resolve()
  }

  /** Bytes on the wire, heads included. */
  #measured(): { sent: number; received: number; status: number; hello: typeof noHello } {
    const { socket } = this.#upstream
    if (this.#end === null && socket !== null && !socket.connecting)
      this.#moved = { sent: socket.bytesWritten, received: socket.bytesRead }
    return { ...this.#moved, status: this.#status, hello: noHello }
  }
}

function unreachable(): AmcError {
  return new AmcError("egress/unreachable", "the host could not be reached")
}

function late(): AmcError {
  return new AmcError("egress/timeout", "the host did not answer in time")
}
