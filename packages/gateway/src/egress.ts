import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { Socket } from "node:net"
import type { Duplex } from "node:stream"
import type { Recorder } from "@amc/core"
import { AuditGate } from "./audit-gate.ts"
import { limitConnections } from "./connection-places.ts"
import { EgressAccounts } from "./egress-account.ts"
import { exceptedRange } from "./egress-address.ts"
import type { EgressLimits } from "./egress-limits.ts"
import { Lookups, type Resolve, systemResolve } from "./egress-lookup.ts"
import { ConnectionEvidence } from "./egress-record.ts"
import type { EgressPolicy } from "./egress-route.ts"
import { type EgressWorld, Visit, type Visitor } from "./egress-visit.ts"
import type { Ingress, Lease, LeaseBook } from "./lease.ts"
import { auditRefusal, slowRequest } from "./gateway-refusal.ts"
import { LeaseScanners } from "./lease-scanners.ts"
import { type ListenAt, Listeners } from "./listeners.ts"
import { OpenConnections } from "./open-connections.ts"
import { problemOf } from "./problem.ts"
import { answerRaw } from "./raw-answer.ts"
import { RequestTurns } from "./request-turns.ts"
import { Rounds } from "./rounds.ts"
import type { SecretScanner } from "./secret-scanner.ts"
import type { SessionSource } from "./session-source.ts"

export interface EgressTerms {
  readonly recorder: Recorder
  readonly leases: LeaseBook
  readonly policy: EgressPolicy
  readonly clock: () => number
  /** A cryptographic source. */
  readonly random: (size: number) => Uint8Array
  readonly limits: EgressLimits
  /** What must not come into the ledger: leases, and whatever else is known. */
  readonly secrets: SecretScanner
  /** Opens the sessions of leases that have none; without it such a lease opens nothing. */
  readonly sessions?: SessionSource
  /** The machine's own way if left out. */
  readonly resolve?: Resolve
  /** Ports on which AMC listens on this machine, besides the proxy's own. */
  readonly ownPorts?: () => Iterable<number>
}

/** Who may come in by a listener. */
export interface EgressDoor {
  readonly ingress: Ingress
  /** With a session, only its leases count. */
  readonly session?: string
  /** Whose all requests without credentials are: for the socket of one run, which says that by itself. */
  readonly lease?: Lease
}

export interface Egress {
  /** Opens a way in. Gives the port. */
  listen(at: ListenAt, door: EgressDoor): Promise<number | null>
  /** Ends what is open, and resolves when that is recorded. */
  close(): Promise<void>
}

/** A forward proxy that lets agents reach what the owner signed for and records each connection (G3). */
export function createEgress(terms: EgressTerms): Egress {
  return new ForwardProxy(terms)
}

class ForwardProxy implements Egress {
  readonly #world: EgressWorld
  readonly #listeners = new Listeners()
  readonly #turns = new RequestTurns()
  /** Sockets that Node's HTTP has let go of. */
  readonly #sockets = new Set<Duplex>()
  readonly #ports = new Set<number>()
  readonly #sweeper: NodeJS.Timeout

  constructor(terms: EgressTerms) {
    const { recorder, limits, clock, leases, policy, random, secrets } = terms
    const { resolve = systemResolve, ownPorts = () => [] } = terms
    const audits = new AuditGate(recorder, limits.auditsPerMinute, clock)
    const routes = {
      policy,
      exceptions: policy.exceptions.map(exceptedRange),
      lookups: new Lookups(resolve, limits, clock),
      judged: new WeakMap<readonly string[], string>(),
      isOwnPort: (port: number) => this.#ports.has(port) || [...ownPorts()].includes(port),
    }
    const open = new OpenConnections(leases)
    const accounts = new EgressAccounts(leases, limits)
    const nextId = connectionIds(random)
    const rounds = new Rounds(roundsMs(limits))
    const own = {
      audits,
      accounts,
      routes,
      open,
      rounds,
      nextId,
      known: new WeakMap<Duplex, Lease>(),
    }
    const evidence = new ConnectionEvidence(recorder, clock)
    const scanners = new LeaseScanners(secrets)
    const { sessions } = terms
    this.#world = { evidence, leases, clock, limits, secrets, scanners, sessions, ...own }
    this.#sweeper = setInterval(() => void audits.sweep(), 60_000).unref()
  }

  async listen(at: ListenAt, { ingress, session, lease }: EgressDoor): Promise<number | null> {
    const door = { ingress, session: session ?? null }
    const port = await this.#listeners.open(this.#server({ door, own: lease ?? null }), at)
    if (port !== null) this.#ports.add(port)
    return port
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeper)
    const closed = this.#listeners.close()
    this.#world.open.close()
    await this.#listeners.settled()
    this.#listeners.cut()
    for (const socket of this.#sockets) socket.destroy()
    await closed
    this.#world.rounds.stop()
    await this.#world.audits.flush()
  }

  #server(visitor: Visitor): Server {
    const { door } = visitor
    const { limits, known, audits, leases } = this.#world
    const take = (request: IncomingMessage, response: ServerResponse): void => {
      const { socket } = request
      const visit = new Visit(this.#world, visitor, request)
      const turn = { request, response, answer: () => visit.answer(response) }
      this.#listeners.track(this.#turns.take(socket, turn), () => socket.destroy())
    }
    const server = createServer(
      {
        maxHeaderSize: limits.headerBytes,
        headersTimeout: limits.headMs,
        connectionsCheckingInterval: Math.min(1000, limits.headMs),
        // A body may take as long as bytes come.
        requestTimeout: 0,
        keepAliveTimeout: 65_000,
        shouldUpgradeCallback: () => false,
      },
      take,
    )
    // Node would answer what it does not know by itself.
    server.on("checkExpectation", take)
    limitConnections(server, limits.connections, (socket) => known.has(socket))
    server.on("connect", (request, socket, head) => {
      // What came before it would be answered into the tunnel.
      if (this.#turns.isOwed(request.socket)) return void socket.destroy()
      this.#keep(socket)
      this.#listeners.track(new Visit(this.#world, visitor, request).connect(socket, head), () =>
        socket.destroy(),
      )
    })
    server.on("clientError", (error, socket) => {
      const { code } = error as NodeJS.ErrnoException
      const isSlow = code === "ERR_HTTP_REQUEST_TIMEOUT"
      this.#keep(socket)
      if (isSlow) auditRefusal(audits, { door, leases }, known.get(socket) ?? null, slowRequest)
      const isMute = !socket.writable || this.#turns.isAnswerBegun(socket as Socket)
      if (code === "ECONNRESET" || isMute) socket.destroy()
      else answerRaw(socket, isSlow ? tooSlow : notHttp)
    })
    return server
  }

  #keep(socket: Duplex): void {
    this.#sockets.add(socket)
    socket.once("close", () => this.#sockets.delete(socket))
  }
}

/** Names of connections, counted behind a name of this proxy's own. */
function connectionIds(random: (size: number) => Uint8Array): () => string {
  const name = Buffer.from(random(12)).toString("hex")
  let count = 0
  return () => `conn-${name}-${++count}`
}

/** Often enough that no deadline is missed by more than a fourth of it. */
function roundsMs(limits: EgressLimits): number {
  const { connectMs, helloMs, idleMs, totalMs, countEveryMs } = limits
  return Math.max(1, Math.min(1000, connectMs, helloMs, idleMs, totalMs, countEveryMs) / 4)
}

const notHttp = problemOf("egress/bad-target", "the bytes are not an HTTP request")
const tooSlow = problemOf(slowRequest.code)
