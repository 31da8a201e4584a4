import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { Socket } from "node:net"
import { AmcError, type Recorder } from "@amc/core"
import { Admission } from "./admission.ts"
import { AuditGate } from "./audit-gate.ts"
import { BudgetBook } from "./budget-book.ts"
import { CallIds } from "./call-ids.ts"
import { CallDesk } from "./call-desk.ts"
import type { CallWorld } from "./call-terms.ts"
import { ClientLink } from "./client-link.ts"
import { ConnectionLeases } from "./connection-leases.ts"
import { limitConnections } from "./connection-places.ts"
import { auditForeignKey, auditRefusal, slowRequest } from "./gateway-refusal.ts"
import { presentedIn } from "./header-fields.ts"
import type { Door, Ingress, Lease, LeaseBook } from "./lease.ts"
import type { GatewayLimits } from "./limits.ts"
import { type ListenAt, Listeners } from "./listeners.ts"
import { PriceList } from "./price-list.ts"
import { faultOrDefect, problemOf, problemOfFault } from "./problem.ts"
import { answerRaw } from "./raw-answer.ts"
import { receiptsAt, ReceiptShelf } from "./receipt-shelf.ts"
import { refuse } from "./refusal.ts"
import {
  refusedLease,
  requestedTarget,
  requestLease,
  type RequestLeaseTerms,
} from "./request-lease.ts"
import { RequestTurns } from "./request-turns.ts"
import type { SecretScanner } from "./secret-scanner.ts"
import type { SessionSource } from "./session-source.ts"
import type { Upstream } from "./upstream.ts"

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

class HttpGateway implements Gateway {
  readonly #terms: GatewayTerms
  readonly #leaseTerms: RequestLeaseTerms
  readonly #world: CallWorld
  readonly #calls: CallDesk
  readonly #listeners = new Listeners()
  readonly #turns = new RequestTurns()
  readonly #sweeper: NodeJS.Timeout
  #isLocked = false

  constructor(terms: GatewayTerms) {
    const { recorder, limits, clock } = terms
    const { budgets = new BudgetBook(clock), prices = new PriceList() } = terms
    const audits = new AuditGate(recorder, limits.auditsPerMinute, clock)
    const admission = new Admission(budgets, prices)
    this.#terms = terms
    const connections = new ConnectionLeases(terms.leases, limits.connectionsPerLease)
    this.#leaseTerms = { ...terms, connections }
    const [receipts, callIds] = [new ReceiptShelf(limits.receipts), new CallIds(terms.random)]
    this.#world = { ...terms, audits, admission, receipts, callIds }
    this.#calls = new CallDesk(this.#world, terms)
    this.#sweeper = setInterval(() => void audits.sweep(), 60_000).unref()
  }

  listen(at: ListenAt, ingress: Ingress, session?: string): Promise<number | null> {
    return this.#listeners.open(this.#server({ ingress, session: session ?? null }), at)
  }

  lock(): void {
    this.#isLocked = true
    this.#listeners.cut()
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeper)
    const closed = this.#listeners.close()
    this.#listeners.cut()
    await closed
    await this.#listeners.settled()
    await this.#world.audits.flush()
    await this.#calls.close()
  }

  #server(door: Door): Server {
    const { limits, leases } = this.#terms
    const { audits } = this.#world
    const take = (request: IncomingMessage, response: ServerResponse): void => {
      const { socket } = request
      const turn = { request, response, answer: () => this.#answer(door, request, response) }
      this.#listeners.track(this.#turns.take(socket, turn), () => socket.destroy())
    }
    const server = createServer(
      {
        maxHeaderSize: limits.headerBytes,
        requestTimeout: limits.requestMs,
        connectionsCheckingInterval: Math.min(5000, limits.requestMs / 4),
        keepAliveTimeout: 65_000,
        // An offer of HTTP/2 is passed over; a WebSocket is refused at once.
        shouldUpgradeCallback: ({ headers }) => /websocket/i.test(headers.upgrade ?? ""),
      },
      take,
    )
    // Node would ask for the body before the lease is looked at, and answer what it does not know by itself.
    server.on("checkContinue", take).on("checkExpectation", take)
    const { connections } = this.#leaseTerms
    limitConnections(server, limits.connections, (socket) => connections.has(socket))
    server.on("upgrade", (request, socket) => {
      // At once, lease or not: a client that tries a WebSocket first waits for this before it goes on.
      if (this.#turns.isOwed(socket as Socket)) socket.destroy()
      else answerRaw(socket, noUpgrade, ["upgrade", "HTTP/1.1"])
      this.#auditRefusal(door, request, null, notOffered)
    })
    server.on("connect", (_request, socket) => {
      if (this.#turns.isOwed(socket as Socket)) socket.destroy()
      else answerRaw(socket, notHttp)
    })
    server.on("clientError", (error, socket) => {
      const { code } = error as NodeJS.ErrnoException
      const isSlow = code === "ERR_HTTP_REQUEST_TIMEOUT"
      if (isSlow)
        auditRefusal(audits, { door, leases }, connections.shownBy(socket as Socket), slowRequest)
      const isMute = !socket.writable || this.#turns.isAnswerBegun(socket as Socket)
      if (code === "ECONNRESET" || isMute) socket.destroy()
      else answerRaw(socket, isSlow ? tooSlow : notHttp)
    })
    this.#endUnread(server)
    return server
  }

  /** Who takes nothing of an answer is cut off; who waits for one is not. */
  #endUnread(server: Server): void {
    server.setTimeout(this.#terms.limits.idleMs, (socket) => {
      if (socket.writableLength > 0 || !this.#turns.has(socket)) socket.destroy()
    })
  }

  async #answer(door: Door, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const client = new ClientLink(response)
    let lease: Lease | null = null
    try {
      const { target, keys } = requestedTarget(this.#terms, request)
      if (target.route === "amc" && target.rest === "/health")
        return client.json({ ok: !this.#isLocked })
      if (this.#isLocked) throw new AmcError("gateway/locked", "the gateway was locked")
      const presented = presentedIn(request.rawHeaders, keys)
      lease = requestLease(this.#leaseTerms, request, door, presented, target)
      if (target.route === "amc")
        return client.json(receiptsAt(this.#world.receipts, lease, target))
      if (presented.hasForeign) auditForeignKey(this.#world.audits, door, lease)
      const token = presented.lease ?? ""
      await this.#calls.run({ door, request, client, lease, token, target })
    } catch (thrown) {
      if (client.isGone) return
      const error = faultOrDefect(thrown)
      this.#auditRefusal(door, request, lease, error)
      await refuse(request, response, problemOfFault(error), this.#terms.limits.drainBytes)
    }
  }

  #auditRefusal(door: Door, request: IncomingMessage, lease: Lease | null, error: unknown): void {
    const whose = lease ?? refusedLease(this.#terms, door, request)
    auditRefusal(this.#world.audits, { door, leases: this.#terms.leases }, whose, error)
  }
}

const notOffered = new AmcError("gateway/bad-request", "web sockets are not offered here")
const noUpgrade = problemOf(notOffered.code, notOffered.message, 426)
const tooSlow = problemOf(slowRequest.code)
const notHttp = problemOf("gateway/bad-request", "the bytes are not an HTTP request")
