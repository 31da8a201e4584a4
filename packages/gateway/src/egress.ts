import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import type { Duplex } from "node:stream"
import {
  AmcError,
  type AuditCode,
  type ErrorCode,
  type Facts,
  isFault,
  type Observation,
  type Recorder,
  systemAgent,
} from "@amc/core"
import { AuditGate } from "./audit-gate.ts"
import { ClientLink } from "./client-link.ts"
import { type AccountedConnection, EgressAccounts } from "./egress-account.ts"
import { exceptedRange } from "./egress-address.ts"
import { EgressClient } from "./egress-client.ts"
import type { EgressLimits } from "./egress-limits.ts"
import { Lookups, type Resolve, systemResolve } from "./egress-lookup.ts"
import { ConnectionRecord, nothingMoved } from "./egress-record.ts"
import { EgressRequest } from "./egress-request.ts"
import { type EgressPolicy, type EgressRoute, type RouteTerms, routeTo } from "./egress-route.ts"
import { connectTarget, type EgressTarget, requestTarget, requireHost } from "./egress-target.ts"
import { Tunnel } from "./egress-tunnel.ts"
import { ForeignValues } from "./foreign-values.ts"
import type { ListenAt } from "./gateway.ts"
import { fieldOf, proxiedFields, proxyTokenOf } from "./header-fields.ts"
import type { Door, Ingress, Lease, LeaseBook } from "./lease.ts"
import { type Problem, problemOf, problemOfFault } from "./problem.ts"
import { answerRaw } from "./raw-answer.ts"
import { refuse } from "./refusal.ts"
import type { SecretScanner } from "./secret-scanner.ts"

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

interface Visitor {
  readonly door: Door
  readonly own: Lease | null
}

/** A request as far as it was understood, for the evidence of its refusal. */
interface Asked {
  lease: Lease | null
  target: EgressTarget | null
}

class ForwardProxy implements Egress {
  readonly #terms: EgressTerms
  readonly #audits: AuditGate
  readonly #accounts: EgressAccounts
  readonly #routes: RouteTerms
  /** Names its connections, which are counted. */
  readonly #name: string
  readonly #servers = new Set<Server>()
  readonly #sockets = new Set<Duplex>()
  readonly #open = new Set<{ close(): void }>()
  readonly #running = new Set<Promise<void>>()
  readonly #ports = new Set<number>()
  readonly #sweeper: NodeJS.Timeout
  #connections = 0
  #isClosing = false

  constructor(terms: EgressTerms) {
    const { recorder, limits, clock, leases, policy, random } = terms
    const { resolve = systemResolve, ownPorts = () => [] } = terms
    this.#terms = terms
    this.#audits = new AuditGate(recorder, limits.auditsPerMinute, clock)
    this.#accounts = new EgressAccounts(leases, limits)
    this.#name = Buffer.from(random(12)).toString("hex")
    this.#routes = {
      policy,
      exceptions: policy.exceptions.map(exceptedRange),
      lookups: new Lookups(resolve, limits, clock),
      isOwnPort: (port) => this.#ports.has(port) || [...ownPorts()].includes(port),
    }
    this.#sweeper = setInterval(() => void this.#audits.sweep(), 60_000).unref()
  }

  async listen(at: ListenAt, { ingress, session, lease }: EgressDoor): Promise<number | null> {
    const door = { ingress, session: session ?? null }
    const server = this.#server({ door, own: lease ?? null })
    this.#servers.add(server)
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject)
      if ("socketPath" in at) server.listen(at.socketPath, resolve)
      else server.listen(at.port, at.host, resolve)
    })
    const address = server.address() as AddressInfo | string | null
    if (address === null || typeof address === "string") return null
    this.#ports.add(address.port)
    return address.port
  }

  async close(): Promise<void> {
    this.#isClosing = true
    clearInterval(this.#sweeper)
    const closed = Array.from(
      this.#servers,
      (server) => new Promise((resolve) => server.close(resolve)),
    )
    for (const one of this.#open) one.close()
    await Promise.all(this.#running)
    for (const server of this.#servers) server.closeAllConnections()
    for (const socket of this.#sockets) socket.destroy()
    await Promise.all(closed)
    await this.#audits.flush()
  }

  #server(visitor: Visitor): Server {
    const { limits } = this.#terms
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
      (request, response) => this.#track(this.#request(visitor, request, response)),
    )
    server.maxConnections = limits.connections
    server.on("connect", (request, socket, head) =>
      this.#track(this.#connect(visitor, request, socket, head)),
    )
    server.on("clientError", (error, socket) => {
      const { code } = error as NodeJS.ErrnoException
      this.#keep(socket)
      if (code === "ECONNRESET" || !socket.writable) socket.destroy()
      else answerRaw(socket, code === "ERR_HTTP_REQUEST_TIMEOUT" ? tooSlow : notHttp)
    })
    return server
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#running.delete(tracked))
    this.#running.add(tracked)
  }

  /** Sockets that Node's HTTP has let go of. */
  #keep(socket: Duplex): void {
    this.#sockets.add(socket)
    socket.once("close", () => this.#sockets.delete(socket))
  }

  async #connect(
    visitor: Visitor,
    request: IncomingMessage,
    socket: Duplex,
    head: Uint8Array,
  ): Promise<void> {
    this.#keep(socket)
    const client = new EgressClient(socket, head, this.#terms.limits.helloBytes)
    const asked: Asked = { lease: null, target: null }
    try {
      const lease = (asked.lease = this.#leaseOf(visitor, request))
      const target = (asked.target = tunnelTarget(request))
      const account = this.#accounts.open(lease)
      try {
        await this.#tunnel(visitor, request, client, lease, target, account)
      } finally {
        account.end()
      }
    } catch (error) {
      if (!(error instanceof AmcError)) throw error
      this.#audit(visitor, asked, error)
      if (!client.isGone) answerRaw(client.release(), refusalOf(error), challengeOf(error))
      else socket.destroy()
    }
  }

  async #tunnel(
    visitor: Visitor,
    request: IncomingMessage,
    client: EgressClient,
    lease: Lease,
    target: EgressTarget,
    account: AccountedConnection,
  ): Promise<void> {
    const route = await routeTo(this.#routes, target)
    if (client.isGone) return void client.socket.destroy()
    const record = await this.#record(visitor, request, lease, route, "tunnel")
    if (client.isGone) return record.close("client-gone", nothingMoved)
    const foreignText = (text: string): string => new ForeignValues(this.#terms.secrets).text(text)
    const { limits } = this.#terms
    const leaseMs = lease.expiresMs - this.#terms.clock()
    const tunnel = new Tunnel({ client, route, record, account, limits, leaseMs, foreignText })
    const fault = await this.#whileOpen(tunnel, lease)
    if (fault !== null) this.#audit(visitor, { lease, target }, fault)
  }

  async #request(
    visitor: Visitor,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const client = new ClientLink(response)
    const asked: Asked = { lease: null, target: null }
    try {
      if (request.url === "/amc/health") return client.json({ ok: true })
      const lease = (asked.lease = this.#leaseOf(visitor, request))
      const target = (asked.target = requestTarget(request.url ?? ""))
      requireHost(request.rawHeaders, target, "http")
      const account = this.#accounts.open(lease)
      try {
        const route = await routeTo(this.#routes, target)
        if (client.isGone) return
        const record = await this.#record(visitor, request, lease, route, "http")
        if (client.isGone) return await record.close("client-gone", nothingMoved)
        const { limits, clock } = this.#terms
        const leaseMs = lease.expiresMs - clock()
        const terms = { request, response, client, target, route, record, account, limits, leaseMs }
        const fault = await this.#whileOpen(new EgressRequest(terms), lease)
        if (fault !== null) throw fault
      } finally {
        account.end()
      }
    } catch (error) {
      if (!(error instanceof AmcError)) throw error
      this.#audit(visitor, asked, error)
      if (client.isGone) return
      const problem = refusalOf(error)
      const headers = [...problem.headers, ...challengeOf(error)]
      await refuse(request, response, { ...problem, headers }, this.#terms.limits.drainBytes)
    }
  }

  async #whileOpen(
    one: { run(): Promise<AmcError | null>; close(): void },
    lease: Lease,
  ): Promise<AmcError | null> {
    this.#open.add(one)
    const ended = one.run()
    const forget = this.#terms.leases.onRevoked(lease, () => one.close())
    try {
      if (this.#isClosing) one.close()
      return await ended
    } finally {
      forget()
      this.#open.delete(one)
    }
  }

  #leaseOf({ door, own }: Visitor, request: IncomingMessage): Lease {
    const { leases } = this.#terms
    const token = proxyTokenOf(request.rawHeaders)
    if (token === null && own === null)
      throw new AmcError("gateway/no-lease", "the request carries no lease")
    const lease = token === null ? leases.require(own as Lease, door) : leases.find(token, door)
    // A connection is evidence about a session, and nobody opens one for it.
    if (lease.session !== null) return lease
    throw new AmcError("gateway/lease-elsewhere", "the lease belongs to no session")
  }

  #record(
    { door }: Visitor,
    request: IncomingMessage,
    lease: Lease,
    route: EgressRoute,
    kind: "tunnel" | "http",
  ): Promise<ConnectionRecord> {
    const { recorder, clock, secrets } = this.#terms
    const values = new ForeignValues(secrets)
    const { target, address, rule, exception } = route
    const { url = "", method = "" } = request
    const asked = values.text(url)
    const facts: Facts<"network_connect"> = {
      measured: {
        connection_id: `conn-${this.#name}-${++this.#connections}`,
        kind,
        // What has no secret in it has none in its host either.
        host: asked === url ? target.host : secrets.redactText(target.host),
        port: target.port,
        address,
        rule,
        exception,
        secrets_found: kind === "tunnel" ? 0 : secretsInHead(secrets, request),
      },
      reported: { method: kind === "tunnel" ? method : values.text(method), target: asked },
    }
    const origin: Pick<Observation, "channel" | "agent" | "session"> = {
      channel: `gateway:${door.ingress}`,
      agent: lease.agent,
      session: lease.session,
    }
    return ConnectionRecord.open({ recorder, clock, origin, facts })
  }

  #audit({ door }: Visitor, { lease, target }: Asked, { code, message }: AmcError): void {
    const what = auditCodeOf(code)
    if (what === null) return
    const whose =
      lease === null || what === "LEASE_REFUSED"
        ? { agent: systemAgent, session: null }
        : { agent: lease.agent, session: lease.session }
    const place = target === null ? "" : `${target.host}:${target.port}: `
    const detail = new ForeignValues(this.#terms.secrets).text(`${place}${message}`)
    const channel = `gateway:${door.ingress}` as const
    void this.#audits.report({ ...whose, channel, code: what, subject: code, detail })
  }
}

/** @throws {@link AmcError} `egress/bad-target`, `egress/host-mismatch` */
function tunnelTarget({ rawHeaders, url = "" }: IncomingMessage): EgressTarget {
  const target = connectTarget(url)
  requireHost(rawHeaders, target, "tunnel")
  const hasBody = ["content-length", "transfer-encoding"].some(
    (name) => fieldOf(rawHeaders, name) !== null,
  )
  if (hasBody) throw new AmcError("egress/bad-target", "CONNECT has no body")
  return target
}

function secretsInHead(secrets: SecretScanner, { rawHeaders, url = "" }: IncomingMessage): number {
  const fields = proxiedFields(rawHeaders, "").join("\n")
  return secrets.count(Buffer.from(url)) + secrets.count(Buffer.from(fields, "latin1"))
}

/** By which audit a refusal is told; what only a network or a ledger is to blame for is no audit. */
function auditCodeOf(code: ErrorCode): AuditCode | null {
  if (code === "egress/connection-limit" || code === "egress/byte-limit")
    return "SESSION_LIMIT_EXCEEDED"
  if (code === "egress/busy" || code === "egress/unresolved") return "GATEWAY_REQUEST_REFUSED"
  if (code.startsWith("gateway/lease")) return "LEASE_REFUSED"
  // Many clients ask without credentials first, to be told which are wanted.
  const isSilent = [
    "gateway/no-lease",
    "gateway/cannot-record",
    "egress/unreachable",
    "egress/timeout",
  ]
  return isSilent.includes(code) ? null : "NETWORK_EGRESS_BLOCKED"
}

/** A proxy asks for credentials in its own way. */
function refusalOf(error: AmcError): Problem {
  const isUnknown = [
    "gateway/no-lease",
    "gateway/lease-unknown",
    "gateway/lease-expired",
    "gateway/lease-revoked",
  ]
  return isFault(error) && isUnknown.includes(error.code)
    ? problemOf(error.code, error.message, 407)
    : problemOfFault(error)
}

function challengeOf(error: AmcError): readonly string[] {
  return isFault(error, ...unwelcome) ? ["proxy-authenticate", 'Basic realm="AMC lease"'] : []
}

const unwelcome: readonly ErrorCode[] = [
  "gateway/no-lease",
  "gateway/lease-unknown",
  "gateway/lease-expired",
  "gateway/lease-revoked",
]

const notHttp = problemOf("egress/bad-target", "the bytes are not an HTTP request")
const tooSlow = problemOf("egress/timeout", "the request's head did not come in time", 408)
