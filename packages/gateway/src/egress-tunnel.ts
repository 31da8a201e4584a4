import { Socket } from "node:net"
import type { Duplex } from "node:stream"
import { AmcError } from "@amc/core"
import { readClientHello } from "./client-hello.ts"
import { type AccountedConnection, byteLimit } from "./egress-account.ts"
import type { ClientListener, EgressClient } from "./egress-client.ts"
import type { EgressLimits } from "./egress-limits.ts"
import { type ConnectionEnd, type ConnectionRecord, type Moved, noHello } from "./egress-record.ts"
import type { EgressRoute } from "./egress-route.ts"
import { HelloWatch } from "./hello-watch.ts"
import { faultOrDefect, problemOfFault } from "./problem.ts"
import { answerRaw } from "./raw-answer.ts"
import type { Rounds, Watched } from "./rounds.ts"

export interface TunnelTerms {
  readonly client: EgressClient
  readonly route: EgressRoute
  readonly record: ConnectionRecord
  readonly account: AccountedConnection
  readonly limits: EgressLimits
  readonly rounds: Rounds
  /** Until the lease ends. */
  readonly leaseMs: number
  /** Makes a foreign text fit for a fact. */
  readonly foreignText: (text: string) => string
}

const established = Buffer.from("HTTP/1.1 200 Connection Established\r\n\r\n")
/** A fatal TLS alert, access_denied (RFC 8446 section 6.2), for who waits for TLS and not for HTTP. */
const accessDenied = Uint8Array.of(0x15, 3, 3, 0, 2, 2, 49)

/**
 * One tunnel behind CONNECT. Its opening is recorded already. No byte reaches the host before the client's
 * TLS ClientHello was read whole and names that host.
 */
export class Tunnel implements ClientListener, Watched {
  readonly #terms: TunnelTerms
  readonly #upstream = new Socket({ allowHalfOpen: true })
  readonly #client: Duplex
  #state: "dialling" | "hello" | "joined" = "dialling"
  #end: ConnectionEnd | null = null
  #fault: AmcError | null = null
  #resolve: () => void = () => undefined
  #hello = noHello
  /** As the first hello has it. */
  #serverName: string | null = null
  /** Null once all bytes pass. */
  #watch: HelloWatch | null
  #sent = 0
  #received = 0
  #counted = 0
  /** Times of the rounds. */
  #endMs: number
  #stageMs: number
  #countMs: number
  #ends = 0

  constructor(terms: TunnelTerms) {
    const { limits, leaseMs, client, rounds } = terms
    this.#terms = terms
    this.#client = client.socket
    this.#watch = new HelloWatch(limits.helloBytes)
    this.#endMs = rounds.now + Math.min(limits.totalMs, Math.max(1, leaseMs))
    this.#stageMs = rounds.now
    this.#countMs = rounds.now
  }

  /** Ends the tunnel from outside. */
  close(): void {
    this.#settle("closed", null)
  }

  /** Resolves when both sides have ended and that is recorded. Gives why the tunnel was refused, if it was. */
  async run(): Promise<AmcError | null> {
    const { client, record, route, rounds, account } = this.#terms
    const ended = new Promise<void>((resolve) => (this.#resolve = resolve))
    rounds.add(this)
    this.#upstream
      .on("error", () =>
        this.#settle(
          this.#state === "dialling" ? "upstream-unreachable" : "upstream-cut",
          unreachable(),
        ),
      )
      .once("connect", () => this.#guard(() => this.#connected()))
    client.listen(this)
    // A socket that was destroyed would dial all the same.
    if (this.#end === null) this.#upstream.connect({ host: route.address, port: route.target.port })
    await ended
    rounds.delete(this)
    account.end()
    await record.close(this.#end ?? "closed", this.#moved())
    return this.#fault
  }

  look(now: number): void {
    const { limits } = this.#terms
    const inStageMs = now - this.#stageMs
    if (now >= this.#endMs) this.#settle("timeout", null)
    else if (this.#state === "joined") {
      if (inStageMs >= limits.idleMs) this.#settle("timeout", null)
      if (now - this.#countMs >= limits.countEveryMs) void this.#count(now)
    } else if (this.#state === "hello") {
      if (inStageMs >= limits.helloMs) this.#settle("timeout", noTls("no ClientHello came in time"))
    } else if (inStageMs >= limits.connectMs) this.#settle("upstream-unreachable", late())
  }

  gone(): void {
    this.#settle("client-gone", null)
  }

  early(): void {
    if (this.#state === "hello" && this.#end === null) this.#guard(() => this.#readHello())
  }

  piece(bytes: Uint8Array): void {
    this.#guard(() => {
      if (this.#watch === null) this.#send(bytes)
      else this.#sendWatched(bytes, this.#watch)
    })
  }

  ended(): void {
    this.#passEnd(this.#upstream)
  }

  closed(): void {
    this.#closed(this.#client)
  }

  #connected(): void {
    if (this.#end !== null) return
    this.#enter("hello")
    this.#client.write(established)
    this.#readHello()
  }

  /** A bug that shows in this tunnel ends it, and no other. */
  #guard(work: () => void): void {
    try {
      work()
    } catch (defect) {
      this.#settle("closed", faultOrDefect(defect))
    }
  }

  #enter(state: "hello" | "joined"): void {
    this.#state = state
    this.#stageMs = this.#terms.rounds.now
  }

  #readHello(): void {
    const { client, route } = this.#terms
    if (client.early.length === 0) return
    const hello = readClientHello(client.early)
    if (hello.state === "more" && !client.isFull) return
    if (hello.state !== "hello")
      return this.#settle("refused", noTls("the tunnel does not begin with a TLS ClientHello"))
    const { serverName, isEncrypted, size } = hello
    const { host, isAddress } = route.target
    this.#tell(serverName, isEncrypted)
    // TLS names no address, so an address that the owner allowed may go unnamed.
    const isRight = serverName === null ? isAddress : serverName.toLowerCase() === host
    if (!isRight) return this.#settle("refused", otherName("the", serverName, isEncrypted))
    this.#serverName = serverName
    this.#join(size)
  }

  #tell(serverName: string | null, isEncrypted: boolean): void {
    const { route, record, foreignText } = this.#terms
    const name = serverName === route.target.host ? record.host : foreignText(serverName ?? "")
    this.#hello = { server_name: name, encrypted_hello: isEncrypted }
  }

  /** From here on bytes pass both ways. `size` is the hello's. */
  #join(size: number): void {
    const upstream = this.#upstream
    this.#enter("joined")
    upstream.setNoDelay(true)
    upstream
      .on("data", (piece: Uint8Array) =>
        this.#guard(() => {
          this.#watchServer(piece)
          if (this.#pass(piece, upstream, this.#client)) this.#received += piece.length
        }),
      )
      .on("end", () => this.#passEnd(this.#client))
      .on("close", () => this.#closed(upstream))
    const early = this.#terms.client.join()
    this.#send(early.subarray(0, size))
    if (early.length > size) this.piece(early.subarray(size))
  }

  #send(bytes: Uint8Array): void {
    if (this.#pass(bytes, this.#client, this.#upstream)) this.#sent += bytes.length
  }

  #sendWatched(bytes: Uint8Array, watch: HelloWatch): void {
    const { pass, hello } = watch.client(bytes)
    if (hello?.state === "other")
      return this.#settle("refused", noTls("what follows the ClientHello is no TLS"))
    if (hello !== null) {
      const { serverName, isEncrypted } = hello
      this.#tell(serverName, isEncrypted || this.#hello.encrypted_hello)
      if (serverName !== this.#serverName)
        return this.#settle("refused", otherName("the second", serverName, isEncrypted))
    }
    if (watch.isOver) this.#watch = null
    if (pass.length > 0) this.#send(pass)
  }

  #watchServer(bytes: Uint8Array): void {
    this.#watch?.server(bytes)
    if (this.#watch?.isOver === true) this.#watch = null
  }

  /** Passes a piece on, if it still may pass. */
  #pass(piece: Uint8Array, from: Duplex, to: Duplex): boolean {
    if (this.#end !== null || !this.#take(piece.length)) return false
    this.#stageMs = this.#terms.rounds.now
    if (!to.write(piece)) {
      from.pause()
      to.once("drain", () => from.resume())
    }
    return true
  }

  #passEnd(to: Duplex): void {
    const isFlushed = this.#client.writableLength + this.#upstream.writableLength === 0
    if (++this.#ends === 2 && isFlushed) this.#settle("complete", null)
    else to.end()
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

  async #count(now: number): Promise<void> {
    this.#countMs = now
    const moved = this.#sent + this.#received
    if (moved === this.#counted || this.#end !== null) return
    this.#counted = moved
    if (!(await this.#terms.record.count(this.#moved()))) this.#settle("closed", null)
  }

  #settle(end: ConnectionEnd, fault: AmcError | null): void {
    if (this.#end !== null) return
    this.#end = end
    this.#fault = fault
    if (end === "complete") this.#upstream.destroy()
    else this.#upstream.resetAndDestroy()
    this.#part(end, fault)
    this.#resolve()
  }

  #part(end: ConnectionEnd, fault: AmcError | null): void {
    const { client } = this.#terms
    if (client.isGone || end === "complete") return void client.release().destroy()
    if (fault !== null && this.#state === "dialling")
      return answerRaw(client.release(), problemOfFault(fault))
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

function otherName(which: string, serverName: string | null, isEncrypted: boolean): AmcError {
  const said = `${which} ClientHello names ${serverName ?? "no server"}`
  return new AmcError("egress/server-name", isEncrypted ? `${said}, and hides another name` : said)
}
