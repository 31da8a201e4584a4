import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { AmcError, type AuditCode, type ErrorCode, type Recorder, systemAgent } from "@amc/core"
import type { Pool } from "undici"
import { Admission } from "./admission.ts"
import { AuditGate } from "./audit-gate.ts"
import { BudgetBook } from "./budget-book.ts"
import { CallGate } from "./call-gate.ts"
import { Call, type CallWorld } from "./call.ts"
import { ClientLink } from "./client-link.ts"
import { type Presented, presentedIn } from "./header-fields.ts"
import { type Door, type Ingress, type Lease, type LeaseBook, leasePrefix } from "./lease.ts"
import type { GatewayLimits } from "./limits.ts"
import { PriceList } from "./price-list.ts"
import { problemOf, problemOfFault } from "./problem.ts"
import { answerRaw } from "./raw-answer.ts"
import { type KeylessTarget, takeQueryKeys } from "./query-key.ts"
import { ReceiptShelf } from "./receipt-shelf.ts"
import { refuse } from "./refusal.ts"
import { tooLarge } from "./request-body.ts"
import type { SecretScanner } from "./secret-scanner.ts"
import { type Target, targetOf } from "./target.ts"
import { openPool, type Upstream } from "./upstream.ts"

/** The session that a call of a bare lease is part of. */
export interface SessionPass {
  readonly session: string
  /** The call has ended. */
  leave(): void
}

/** Opens the sessions of bare leases. */
export interface SessionSource {
  /** @throws {@link AmcError} as recording the session's opening does */
  enter(lease: Lease): Promise<SessionPass>
}

export interface GatewayTerms {
  readonly recorder: Recorder
  readonly leases: LeaseBook
  /** By route, the first path segment. */
  readonly providers: ReadonlyMap<string, Upstream>
  readonly clock: () => number
  /** A cryptographic source. */
  readonly random: (size: number) => Uint8Array
  readonly limits: GatewayLimits
  /** A folder of this user only, on the file system of the ledger's blobs. */
  readonly spoolDir: string
  /** What must not leak: the providers' keys and whatever else is known. Each call adds its lease. */
  readonly secrets: SecretScanner
  /** The key id of the monitor key that signs the receipts. */
  readonly monitorKid: string
  /** Without one, a lease that names no session is refused. */
  readonly sessions?: SessionSource
  readonly budgets?: BudgetBook
  readonly prices?: PriceList
}

export type ListenAt =
  | { readonly socketPath: string }
  | { readonly port: number; readonly host: string }

export interface Gateway {
  /** Opens a way in. With a session, only leases of that session count there. Gives the port. */
  listen(at: ListenAt, ingress: Ingress, session?: string): Promise<number | null>
  /** Breaks off what is under way, and answers every request with 503 from now on. */
  lock(): void
  /** Ends what is open, and resolves when the closing events are recorded. */
  close(): Promise<void>
}

/** A reverse proxy for LLM APIs that records each call before and after it is forwarded. */
export function createGateway(terms: GatewayTerms): Gateway {
  return new HttpGateway(terms)
}

/** What a request is let through with. */
interface LeasedTarget {
  readonly lease: Lease
  readonly target: Target
  readonly secrets: SecretScanner
}

class HttpGateway implements Gateway {
  readonly #terms: GatewayTerms
  readonly #world: CallWorld
  readonly #pools = new Map<string, Pool>()
  readonly #servers = new Set<Server>()
  readonly #running = new Set<Promise<void>>()
  readonly #scanners = new WeakMap<Lease, SecretScanner>()
  readonly #gate: CallGate
  readonly #sweeper: NodeJS.Timeout
  #isLocked = false

  constructor(terms: GatewayTerms) {
    const { recorder, limits, clock } = terms
    const audits = new AuditGate(recorder, limits.auditsPerMinute, clock)
    this.#terms = terms
    const { budgets = new BudgetBook(clock), prices = new PriceList() } = terms
    const admission = new Admission(budgets, prices)
    this.#gate = new CallGate(clock)
    this.#world = { ...terms, audits, admission, receipts: new ReceiptShelf(limits.receipts) }
    for (const [route, upstream] of terms.providers)
      this.#pools.set(route, openPool(upstream, limits))
    this.#sweeper = setInterval(() => void audits.sweep(), 60_000).unref()
  }

  async listen(at: ListenAt, ingress: Ingress, session?: string): Promise<number | null> {
    const server = this.#server({ ingress, session: session ?? null })
    this.#servers.add(server)
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject)
      if ("socketPath" in at) server.listen(at.socketPath, resolve)
      else server.listen(at.port, at.host, resolve)
    })
    const address = server.address() as AddressInfo | string | null
    return address === null || typeof address === "string" ? null : address.port
  }

  lock(): void {
    this.#isLocked = true
    for (const server of this.#servers) server.closeAllConnections()
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeper)
    const closed = Array.from(
      this.#servers,
      (server) => new Promise((resolve) => server.close(resolve)),
    )
    for (const server of this.#servers) server.closeAllConnections()
    await Promise.all(closed)
    await Promise.all(this.#running)
    await this.#world.audits.flush()
    await Promise.all(Array.from(this.#pools.values(), (pool) => pool.destroy()))
  }

  #server(door: Door): Server {
    const { limits } = this.#terms
    const server = createServer(
      {
        maxHeaderSize: limits.headerBytes,
        requestTimeout: limits.requestMs,
        keepAliveTimeout: 65_000,
        // An offer of HTTP/2 is passed over; a WebSocket is refused at once.
        shouldUpgradeCallback: ({ headers }) => /websocket/i.test(headers.upgrade ?? ""),
      },
      (request, response) => this.#track(this.#answer(door, request, response)),
    )
    server.maxConnections = limits.connections
    server.on("upgrade", (request, socket) => {
      // At once, lease or not: a client that tries a WebSocket first waits for this before it goes on.
      answerRaw(socket, noUpgrade, ["upgrade", "HTTP/1.1"])
      this.#auditRefusal(door, this.#goodLease(door, request), notOffered)
    })
    server.on("connect", (_request, socket) => answerRaw(socket, notHttp))
    server.on("clientError", (error, socket) => {
      if ((error as NodeJS.ErrnoException).code === "ECONNRESET" || !socket.writable)
        socket.destroy()
      else answerRaw(socket, notHttp)
    })
    return server
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#running.delete(tracked))
    this.#running.add(tracked)
  }

  async #answer(door: Door, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const client = new ClientLink(response)
    let lease: Lease | null = null
    try {
      const { target, keys } = this.#targetOf(request)
      if (target.route === "amc" && target.rest === "/health")
        return client.json({ ok: !this.#isLocked })
      if (this.#isLocked) throw new AmcError("gateway/locked", "the gateway was locked")
      const presented = presentedIn(request.rawHeaders, keys)
      lease = this.#leaseOf(door, presented, target)
      if (target.route === "amc") return client.json(this.#receipts(lease, target))
      if (presented.hasForeign) this.#auditForeign(door, lease)
      const secrets = this.#secretsOf(lease, presented)
      await this.#call(door, request, client, { lease, target, secrets })
    } catch (error) {
      if (client.isGone) return
      this.#auditRefusal(door, lease ?? this.#goodLease(door, request), error)
      await refuse(request, response, problemOfFault(error), this.#terms.limits.drainBytes)
    }
  }

  #targetOf({ url = "" }: IncomingMessage): KeylessTarget {
    const target = targetOf(url)
    return takeQueryKeys(target, this.#terms.providers.get(target.route))
  }

  #leaseOf(door: Door, presented: Presented, { route, rest }: Target): Lease {
    const { lease: token, hasForeign, isSigned } = presented
    if (route !== "amc" && !this.#terms.providers.has(route)) throw unknownRoute()
    if (token === null && isSigned)
      throw new AmcError("gateway/aws-signature", "an AWS signature holds for one host only", {
        hint: "give the client the lease as AWS_BEARER_TOKEN_BEDROCK, and no AWS keys",
      })
    if (token === null && rest.includes(leasePrefix))
      throw new AmcError("gateway/bad-request", "a lease in the target is not taken there", {
        hint: "send the lease in a header: authorization, x-api-key, x-goog-api-key or api-key",
      })
    if (token === null && hasForeign)
      throw new AmcError("gateway/foreign-key", "the request carries a key that is no lease", {
        hint: "give the client the lease as its API key; keys of providers stay with AMC",
      })
    if (token === null) throw new AmcError("gateway/no-lease", "the request carries no lease")
    const lease = this.#terms.leases.find(token, door)
    if (route !== "amc" && !lease.providers.includes(route))
      throw new AmcError("gateway/lease-elsewhere", "the lease does not count for this provider")
    return lease
  }

  /** Whose a request is that was refused before its lease mattered. */
  #goodLease(door: Door, request: IncomingMessage): Lease | null {
    try {
      const presented = presentedIn(request.rawHeaders, this.#queryKeys(request))
      return this.#terms.leases.find(presented.lease ?? "", door)
    } catch (error) {
      if (error instanceof AmcError) return null
      throw error
    }
  }

  /** None in a target that is refused. */
  #queryKeys(request: IncomingMessage): readonly string[] {
    try {
      return this.#targetOf(request).keys
    } catch (error) {
      if (error instanceof AmcError) return []
      throw error
    }
  }

  #receipts(lease: Lease, { rest }: Target): unknown {
    const [, callId] = /^\/receipts\/([\w-]{1,64})$/.exec(rest) ?? []
    if (callId === undefined) throw unknownRoute()
    const found = this.#world.receipts.find(callId, lease.id)
    if (found === null)
      throw new AmcError("gateway/unknown-receipt", "no receipt of that id belongs to this lease")
    return found
  }

  async #call(
    door: Door,
    request: IncomingMessage,
    client: ClientLink,
    { lease, target: { route, rest }, secrets }: LeasedTarget,
  ): Promise<void> {
    const { providers, leases, limits } = this.#terms
    const [upstream, pool] = [providers.get(route), this.#pools.get(route)]
    if (upstream === undefined || pool === undefined) throw unknownRoute()
    const leave = this.#gate.enter(lease)
    try {
      leases.takeCall(lease)
      if (Number(request.headers["content-length"] ?? 0) > limits.requestBytes)
        throw tooLarge(limits.requestBytes)
      const pass = await this.#sessionOf(lease)
      try {
        await new Call(this.#world, {
          request,
          client,
          lease,
          session: pass.session,
          ingress: door.ingress,
          upstream,
          pool,
          target: rest,
          secrets,
        }).run()
      } finally {
        pass.leave()
      }
    } finally {
      leave()
    }
  }

  async #sessionOf(lease: Lease): Promise<SessionPass> {
    if (lease.session !== null) return { session: lease.session, leave: () => undefined }
    const { sessions } = this.#terms
    if (sessions === undefined)
      throw new AmcError("gateway/lease-elsewhere", "the lease belongs to no session here")
    try {
      return await sessions.enter(lease)
    } catch (cause) {
      throw new AmcError("gateway/cannot-record", "the session can't be opened", { cause })
    }
  }

  /** All calls of a lease carry its token, so its forms are worked out once. */
  #secretsOf(lease: Lease, { lease: token }: Presented): SecretScanner {
    const known = this.#scanners.get(lease)
    if (known !== undefined) return known
    const made = this.#terms.secrets.with(Buffer.from(token ?? ""))
    this.#scanners.set(lease, made)
    return made
  }

  /** A key that comes beside a lease is dropped like one that comes alone. Nothing of it is kept. */
  #auditForeign({ ingress }: Door, { agent, session }: Lease): void {
    void this.#world.audits.report({
      code: "PROVIDER_KEY_PRESENTED",
      channel: `gateway:${ingress}`,
      agent,
      session,
      subject: "gateway/foreign-key",
      detail: "a key of the agent's own came beside its lease, and was not forwarded",
    })
  }

  #auditRefusal(door: Door, lease: Lease | null, error: unknown): void {
    if (!(error instanceof AmcError) || error.code === "gateway/unknown-receipt") return
    const channel = `gateway:${door.ingress}` as const
    const report = { channel, subject: error.code, detail: error.message }
    const isLeaseFault = /^gateway\/(?:lease|no-lease|foreign-key|aws-signature)/.test(error.code)
    if (lease === null && !isLeaseFault) return
    const whose =
      lease === null || isLeaseFault
        ? { agent: systemAgent, session: null }
        : { agent: lease.agent, session: lease.session }
    void this.#world.audits.report({
      ...report,
      ...whose,
      code: auditCodeOf(error.code, isLeaseFault),
    })
  }
}

function auditCodeOf(code: ErrorCode, isLeaseFault: boolean): AuditCode {
  if (code === "gateway/foreign-key") return "PROVIDER_KEY_PRESENTED"
  if (isLeaseFault) return "LEASE_REFUSED"
  if (code === "gateway/call-limit" || code === "gateway/byte-limit")
    return "SESSION_LIMIT_EXCEEDED"
  return code === "gateway/rate-limit" ? "POLICY_REFUSED" : "GATEWAY_REQUEST_REFUSED"
}

const notOffered = new AmcError("gateway/bad-request", "web sockets are not offered here")
const noUpgrade = problemOf(notOffered.code, notOffered.message, 426)
const notHttp = problemOf("gateway/bad-request", "the bytes are not an HTTP request")

function unknownRoute(): AmcError {
  return new AmcError("gateway/unknown-route", "the first path segment names no provider")
}
