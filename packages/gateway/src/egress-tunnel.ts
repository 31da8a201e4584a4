import { Socket } from "node:net"
import type { Duplex } from "node:stream"
import { AmcError } from "@amc/core"
import { readClientHello } from "./client-hello.ts"
import { type AccountedConnection, byteLimit } from "./egress-account.ts"
import type { EgressClient } from "./egress-client.ts"
import type { EgressLimits } from "./egress-limits.ts"
import { type ConnectionEnd, type ConnectionRecord, type Moved, noHello } from "./egress-record.ts"
import type { EgressRoute } from "./egress-route.ts"
import { problemOfFault } from "./problem.ts"
import { answerRaw } from "./raw-answer.ts"

export interface TunnelTerms {
  readonly client: EgressClient
  readonly route: EgressRoute
  readonly record: ConnectionRecord
  readonly account: AccountedConnection
  readonly limits: EgressLimits
  /** Until the lease ends. */
  readonly leaseMs: number
  /** Makes a foreign text fit for a fact. */
  readonly foreignText: (text: string) => string
}

const established = "HTTP/1.1 200 Connection Established\r\n\r\n"
/** A fatal TLS alert, access_denied (RFC 8446 section 6.2), for who waits for TLS and not for HTTP. */
const accessDenied = Uint8Array.of(0x15, 3, 3, 0, 2, 2, 49)

/**
 * One tunnel behind CONNECT. Its opening is recorded already. No byte reaches the host before the client's
 * TLS ClientHello was read whole and names that host.
 */
export class Tunnel {
  readonly #terms: TunnelTerms
  readonly #upstream: Socket
  #client: Duplex
  #deadline: NodeJS.Timeout | undefined
  readonly #total: NodeJS.Timeout
  readonly #counter: NodeJS.Timeout
  #end: ConnectionEnd | null = null
  #fault: AmcError | null = null
  #resolve: () => void = () => undefined
  #isOpen = false
  #hello = noHello
  #sent = 0
  #received = 0
  #counted = 0

  constructor(terms: TunnelTerms) {
    const { limits, leaseMs, client } = terms
    this.#terms = terms
    this.#client = client.socket
    this.#upstream = new Socket({ allowHalfOpen: true })
    this.#total = setTimeout(
      () => this.#settle("timeout", null),
      Math.min(limits.totalMs, Math.max(1, leaseMs)),
    )
    this.#counter = setInterval(() => void this.#count(), limits.countEveryMs)
  }

  /** Ends the tunnel from outside. */
  close(): void {
    this.#settle("closed", null)
  }

  /** Resolves when both sides have ended and that is recorded. Gives why the tunnel was refused, if it was. */
  async run(): Promise<AmcError | null> {
    const { client, limits, record, route } = this.#terms
    const ended = new Promise<void>((resolve) => (this.#resolve = resolve))
    this.#upstream
      .on("error", () =>
        this.#settle(this.#isOpen ? "upstream-cut" : "upstream-unreachable", unreachable()),
      )
      .once("connect", () => this.#connected())
    this.#wait(limits.connectMs, "upstream-unreachable", late)
    client.onGone(() => this.#settle("client-gone", null))
    this.#upstream.connect({ host: route.address, port: route.target.port })
    await ended
    await record.close(this.#end ?? "closed", this.#moved())
    return this.#fault
  }

  #connected(): void {
    if (this.#end !== null) return
    this.#isOpen = true
    this.#client.write(established)
    this.#wait(this.#terms.limits.helloMs, "timeout", () => noTls("no ClientHello came in time"))
    this.#terms.client.onEarly(() => this.#readHello())
  }

  #readHello(): void {
    const { client, route, foreignText } = this.#terms
    if (this.#end !== null || client.early.length === 0) return
    const hello = readClientHello(client.early)
    if (hello.state === "more" && !client.isFull) return
    if (hello.state !== "hello")
      return this.#settle("refused", noTls("the tunnel does not begin with a TLS ClientHello"))
    const { serverName, isEncrypted } = hello
    const { host, isAddress } = route.target
    const name = serverName === host ? this.#terms.record.host : foreignText(serverName ?? "")
    this.#hello = { server_name: name, encrypted_hello: isEncrypted }
    // TLS names no address, so an address that the owner allowed may go unnamed.
    const isRight = serverName === null ? isAddress : serverName.toLowerCase() === host
    if (!isRight) return this.#settle("refused", otherName(serverName, isEncrypted))
    this.#join()
  }

  /** From here on bytes pass both ways. */
  #join(): void {
    clearTimeout(this.#deadline)
    const { client, limits } = this.#terms
    const early = client.early
    const upstream = this.#upstream
    this.#client = client.release()
    upstream.setNoDelay(true)
    for (const side of [this.#client, upstream] as Socket[])
      side.setTimeout(limits.idleMs, () => this.#settle("timeout", null))
    this.#client.on("error", () => this.#settle("client-gone", null))
    for (const side of [this.#client, upstream]) side.once("close", () => this.#closed(side))
    this.#sent += early.length
    if (!this.#take(early.length)) return
    upstream.write(early)
    this.#pump(this.#client, upstream, (size) => (this.#sent += size))
    this.#pump(upstream, this.#client, (size) => (this.#received += size))
  }

  #pump(from: Duplex, to: Duplex, add: (size: number) => void): void {
    from.on("data", (piece: Uint8Array) => {
      if (this.#end !== null || !this.#take(piece.length)) return
      add(piece.length)
      if (to.write(piece)) return
      from.pause()
      to.once("drain", () => from.resume())
    })
    from.once("end", () => to.end())
    from.resume()
  }

  #take(size: number): boolean {
    const verdict = this.#terms.account.take(size)
    if (verdict === "limit") this.#settle("limit", byteLimit(this.#terms.limits.bytesPerLease))
    else if (verdict === "lease-ended") this.#settle("closed", null)
    return verdict === "ok"
  }

  /** A side that has said and got everything may close while the rest of it still flows to the other. */
  #closed(side: Duplex): void {
    const isWhole = side.readableEnded && side.writableFinished
    if (!isWhole) this.#settle(side === this.#upstream ? "upstream-cut" : "client-gone", null)
    else if (this.#client.closed && this.#upstream.closed) this.#settle("complete", null)
  }

  async #count(): Promise<void> {
    const moved = this.#sent + this.#received
    if (moved === this.#counted || this.#end !== null) return
    this.#counted = moved
    if (!(await this.#terms.record.count(this.#moved()))) this.#settle("closed", null)
  }

  #wait(ms: number, end: ConnectionEnd, fault: () => AmcError): void {
    clearTimeout(this.#deadline)
    this.#deadline = setTimeout(() => this.#settle(end, fault()), ms)
  }

  #settle(end: ConnectionEnd, fault: AmcError | null): void {
    if (this.#end !== null) return
    this.#end = end
    this.#fault = fault
    clearTimeout(this.#deadline)
    clearTimeout(this.#total)
    clearInterval(this.#counter)
    if (end === "complete") this.#upstream.destroy()
    else this.#upstream.resetAndDestroy()
    this.#part(end, fault)
    this.#resolve()
  }

  #part(end: ConnectionEnd, fault: AmcError | null): void {
    const { client } = this.#terms
    if (client.isGone || end === "complete") return void this.#client.destroy()
    if (fault !== null && !this.#isOpen) {
      client.release()
      return answerRaw(this.#client, problemOfFault(fault))
    }
    if (fault?.code === "egress/server-name") return client.end(accessDenied)
    client.reset()
  }

  #moved(): Moved {
    return { sent: this.#sent, received: this.#received, status: 0, hello: this.#hello }
  }
}

function unreachable(): AmcError {
  return new AmcError("egress/unreachable", "the host could not be reached")
}

function late(): AmcError {
  return new AmcError("egress/timeout", "the host did not answer in time")
}

function noTls(message: string): AmcError {
  return new AmcError("egress/not-tls", message)
}

function otherName(serverName: string | null, isEncrypted: boolean): AmcError {
  const said =
    serverName === null ? "the ClientHello names no server" : `the ClientHello names ${serverName}`
  return new AmcError("egress/server-name", isEncrypted ? `${said}, and hides another name` : said)
}
