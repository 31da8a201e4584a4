import type { IncomingMessage, ServerResponse } from "node:http"
import type { Duplex } from "node:stream"
import { AmcError } from "@amc/core"
import type { AuditGate } from "./audit-gate.ts"
import { ClientLink } from "./client-link.ts"
import type { EgressAccounts } from "./egress-account.ts"
import { EgressClient } from "./egress-client.ts"
import { openingOf } from "./egress-facts.ts"
import type { EgressLimits } from "./egress-limits.ts"
import { type ConnectionEvidence, type ConnectionRecord, nothingMoved } from "./egress-record.ts"
import { challengeOf, egressAuditCode, egressProblem } from "./egress-refusal.ts"
import { EgressRequest } from "./egress-request.ts"
import { type EgressRoute, type RouteTerms, routeTo } from "./egress-route.ts"
import { type EgressTarget, requestTarget, requireHost, tunnelTarget } from "./egress-target.ts"
import { Tunnel, type TunnelTerms } from "./egress-tunnel.ts"
import { ForeignValues } from "./foreign-values.ts"
import { proxyTokenOf } from "./header-fields.ts"
import type { Door, Lease, LeaseBook } from "./lease.ts"
import type { LeaseScanners } from "./lease-scanners.ts"
import type { OpenConnections } from "./open-connections.ts"
import { faultOrDefect } from "./problem.ts"
import { answerRaw } from "./raw-answer.ts"
import { refuse } from "./refusal.ts"
import type { Rounds } from "./rounds.ts"
import type { SecretScanner } from "./secret-scanner.ts"
import { type SessionSource, sessionOf } from "./session-source.ts"

/** What all visits of a proxy share. */
export interface EgressWorld {
  readonly evidence: ConnectionEvidence
  readonly audits: AuditGate
  readonly leases: LeaseBook
  readonly accounts: EgressAccounts
  readonly routes: RouteTerms
  readonly open: OpenConnections
  /** By the connections of clients, the leases that they have shown. */
  readonly known: WeakMap<Duplex, Lease>
  readonly rounds: Rounds
  readonly clock: () => number
  readonly limits: EgressLimits
  readonly secrets: SecretScanner
  /** What must not be told of a lease's connections either: a lease that was not known before. */
  readonly scanners: LeaseScanners
  /** Opens the sessions of leases that have none. */
  readonly sessions: SessionSource | undefined
  /** Names a connection, each by another name. */
  readonly nextId: () => string
}

/** What a connection goes with. */
type Way = Pick<TunnelTerms, "route" | "record" | "account" | "leaseMs">

/** Who comes in by a listener. */
export interface Visitor {
  readonly door: Door
  /** Whose a request without credentials is. */
  readonly own: Lease | null
}

/** One request to the egress proxy, from its lease to the end of its connection. */
export class Visit {
  readonly #world: EgressWorld
  readonly #visitor: Visitor
  readonly #request: IncomingMessage
  /** How far the request was understood, for the evidence of its refusal. */
  #lease: Lease | null = null
  #target: EgressTarget | null = null
  #session: string | null = null
  #secrets: SecretScanner

  constructor(world: EgressWorld, visitor: Visitor, request: IncomingMessage) {
    this.#world = world
    this.#secrets = world.secrets
    this.#visitor = visitor
    this.#request = request
  }

  /** Serves CONNECT. Resolves when the tunnel is closed and that is recorded. */
  async connect(socket: Duplex, head: Uint8Array): Promise<void> {
    const client = new EgressClient(socket, head, this.#world.limits.helloBytes)
    try {
      const lease = (this.#lease = this.#leaseOf())
      const target = (this.#target = tunnelTarget(this.#request))
      const { limits, rounds } = this.#world
      const foreignText = (text: string): string => new ForeignValues(this.#secrets).text(text)
      const fault = await this.#visit("tunnel", lease, target, client, (way) =>
        this.#world.open.run(new Tunnel({ client, limits, rounds, foreignText, ...way }), lease),
      )
      if (fault !== null) this.#audit(fault)
      if (client.isGone) socket.destroy()
    } catch (thrown) {
      const error = faultOrDefect(thrown)
      this.#audit(error)
      if (!client.isGone) answerRaw(client.release(), egressProblem(error), challengeOf(error))
      else socket.destroy()
    }
  }

  /** Serves a plain request. Resolves when it is answered and its connection's end is recorded. */
  async answer(response: ServerResponse): Promise<void> {
    const client = new ClientLink(response)
    const request = this.#request
    const { limits, open } = this.#world
    try {
      if (request.url === "/amc/health") return client.json({ ok: true })
      const lease = (this.#lease = this.#leaseOf())
      const target = requestTarget(request.url ?? "")
      this.#target = target
      requireHost(request.rawHeaders, target, "http")
      const fault = await this.#visit("http", lease, target, client, (way) =>
        open.run(new EgressRequest({ request, response, client, target, limits, ...way }), lease),
      )
      if (fault !== null) throw fault
    } catch (thrown) {
      const error = faultOrDefect(thrown)
      this.#audit(error)
      if (client.isGone) return
      const problem = egressProblem(error)
      const headers = [...problem.headers, ...challengeOf(error)]
      await refuse(request, response, { ...problem, headers }, limits.drainBytes)
    }
  }

  /** From the account of a lease to the end of what `run` does; gives the fault that it ended for. */
  async #visit(
    kind: "tunnel" | "http",
    lease: Lease,
    target: EgressTarget,
    client: { readonly isGone: boolean },
    run: (way: Way) => Promise<AmcError | null>,
  ): Promise<AmcError | null> {
    const { accounts, routes, sessions, clock, open } = this.#world
    const account = accounts.open(lease)
    try {
      const route = await routeTo(routes, target, lease.allowlists)
      if (client.isGone) return null
      const { session, leave } = await sessionOf(lease, sessions)
      this.#session = session
      try {
        const record = await this.#record(lease, route, kind)
        try {
          const leaseMs = lease.expiresMs - clock()
          if (!client.isGone && open.takes(lease))
            return await run({ route, record, account, leaseMs })
          await record.close(client.isGone ? "client-gone" : "closed", nothingMoved)
          if (client.isGone) return null
          throw new AmcError("gateway/lease-revoked", "the lease ended before the host was dialled")
        } catch (defect) {
          await record.close("closed", nothingMoved)
          throw defect
        }
      } finally {
        leave()
      }
    } finally {
      account.end()
    }
  }

  #leaseOf(): Lease {
    const { leases } = this.#world
    const { door, own } = this.#visitor
    const token = proxyTokenOf(this.#request.rawHeaders)
    if (token === null && own === null)
      throw new AmcError("gateway/no-lease", "the request carries no lease")
    const lease = token === null ? leases.require(own as Lease, door) : leases.find(token, door)
    this.#world.known.set(this.#request.socket, lease)
    this.#session = lease.session
    if (door.session === null && token !== null)
      this.#secrets = this.#world.scanners.of(lease, token)
    return lease
  }

  #record(lease: Lease, route: EgressRoute, kind: "tunnel" | "http"): Promise<ConnectionRecord> {
    const { evidence, nextId } = this.#world
    const secrets = this.#secrets
    const opening = openingOf({ id: nextId(), kind, request: this.#request, route, secrets })
    const channel = `gateway:${this.#visitor.door.ingress}` as const
    return evidence.open({ channel, agent: lease.agent, session: this.#session }, opening)
  }

  #audit({ code: subject, message }: AmcError): void {
    const code = egressAuditCode(subject)
    if (code === null) return
    const [lease, target] = [this.#lease, this.#target]
    const whose =
      lease === null || code === "LEASE_REFUSED"
        ? this.#world.leases.visitorAt(this.#visitor.door)
        : { agent: lease.agent, session: this.#session }
    const place = target === null ? "" : `${target.host}:${target.port}: `
    const detail = new ForeignValues(this.#secrets).text(`${place}${message}`)
    const channel = `gateway:${this.#visitor.door.ingress}` as const
    void this.#world.audits.report({ ...whose, channel, code, subject, detail })
  }
}
