import type { IncomingMessage, ServerResponse } from "node:http"
import type { Duplex } from "node:stream"
import { AmcError, systemAgent } from "@amc/core"
import type { AuditGate } from "./audit-gate.ts"
import { ClientLink } from "./client-link.ts"
import type { AccountedConnection, EgressAccounts } from "./egress-account.ts"
import { EgressClient } from "./egress-client.ts"
import { openingOf } from "./egress-facts.ts"
import type { EgressLimits } from "./egress-limits.ts"
import { type ConnectionEvidence, type ConnectionRecord, nothingMoved } from "./egress-record.ts"
import { challengeOf, egressAuditCode, egressProblem } from "./egress-refusal.ts"
import { EgressRequest } from "./egress-request.ts"
import { type EgressRoute, type RouteTerms, routeTo } from "./egress-route.ts"
import { type EgressTarget, requestTarget, requireHost, tunnelTarget } from "./egress-target.ts"
import { Tunnel } from "./egress-tunnel.ts"
import { ForeignValues } from "./foreign-values.ts"
import { proxyTokenOf } from "./header-fields.ts"
import type { Door, Lease, LeaseBook } from "./lease.ts"
import type { OpenConnections } from "./open-connections.ts"
import { answerRaw } from "./raw-answer.ts"
import { refuse } from "./refusal.ts"
import type { Rounds } from "./rounds.ts"
import type { SecretScanner } from "./secret-scanner.ts"

/** What all visits of a proxy share. */
export interface EgressWorld {
  readonly evidence: ConnectionEvidence
  readonly audits: AuditGate
  readonly leases: LeaseBook
  readonly accounts: EgressAccounts
  readonly routes: RouteTerms
  readonly open: OpenConnections
  readonly rounds: Rounds
  readonly clock: () => number
  readonly limits: EgressLimits
  readonly secrets: SecretScanner
  /** Names a connection, each by another name. */
  readonly nextId: () => string
}

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

  constructor(world: EgressWorld, visitor: Visitor, request: IncomingMessage) {
    this.#world = world
    this.#visitor = visitor
    this.#request = request
  }

  /** Serves CONNECT. Resolves when the tunnel is closed and that is recorded. */
  async connect(socket: Duplex, head: Uint8Array): Promise<void> {
    const client = new EgressClient(socket, head, this.#world.limits.helloBytes)
    try {
      const lease = (this.#lease = this.#leaseOf())
      const target = (this.#target = tunnelTarget(this.#request))
      const account = this.#world.accounts.open(lease)
      try {
        await this.#tunnel(client, lease, target, account)
      } finally {
        account.end()
      }
    } catch (error) {
      if (!(error instanceof AmcError)) throw error
      this.#audit(error)
      if (!client.isGone) answerRaw(client.release(), egressProblem(error), challengeOf(error))
      else socket.destroy()
    }
  }

  /** Serves a plain request. Resolves when it is answered and its connection's end is recorded. */
  async answer(response: ServerResponse): Promise<void> {
    const client = new ClientLink(response)
    try {
      if (this.#request.url === "/amc/health") return client.json({ ok: true })
      const lease = (this.#lease = this.#leaseOf())
      const target = requestTarget(this.#request.url ?? "")
      this.#target = target
      requireHost(this.#request.rawHeaders, target, "http")
      const account = this.#world.accounts.open(lease)
      try {
        const route = await routeTo(this.#world.routes, target)
        if (client.isGone) return
        const record = await this.#record(lease, route, "http")
        if (client.isGone) return await record.close("client-gone", nothingMoved)
        const { limits, clock, open } = this.#world
        const leaseMs = lease.expiresMs - clock()
        const request = this.#request
        const terms = { request, response, client, target, route, record, account, limits, leaseMs }
        const fault = await open.run(new EgressRequest(terms), lease)
        if (fault !== null) throw fault
      } finally {
        account.end()
      }
    } catch (error) {
      if (!(error instanceof AmcError)) throw error
      this.#audit(error)
      if (client.isGone) return
      const problem = egressProblem(error)
      const headers = [...problem.headers, ...challengeOf(error)]
      const { drainBytes } = this.#world.limits
      await refuse(this.#request, response, { ...problem, headers }, drainBytes)
    }
  }

  async #tunnel(
    client: EgressClient,
    lease: Lease,
    target: EgressTarget,
    account: AccountedConnection,
  ): Promise<void> {
    const { routes, limits, secrets, clock, open, rounds } = this.#world
    const route = await routeTo(routes, target)
    if (client.isGone) return void client.socket.destroy()
    const record = await this.#record(lease, route, "tunnel")
    if (client.isGone) return record.close("client-gone", nothingMoved)
    const foreignText = (text: string): string => new ForeignValues(secrets).text(text)
    const leaseMs = lease.expiresMs - clock()
    const terms = { client, route, record, account, limits, rounds, leaseMs, foreignText }
    const tunnel = new Tunnel(terms)
    const fault = await open.run(tunnel, lease)
    if (fault !== null) this.#audit(fault)
  }

  #leaseOf(): Lease {
    const { leases } = this.#world
    const { door, own } = this.#visitor
    const token = proxyTokenOf(this.#request.rawHeaders)
    if (token === null && own === null)
      throw new AmcError("gateway/no-lease", "the request carries no lease")
    const lease = token === null ? leases.require(own as Lease, door) : leases.find(token, door)
    // A connection is evidence about a session, and nobody opens one for it.
    if (lease.session !== null) return lease
    throw new AmcError("gateway/lease-elsewhere", "the lease belongs to no session")
  }

  #record(lease: Lease, route: EgressRoute, kind: "tunnel" | "http"): Promise<ConnectionRecord> {
    const { evidence, secrets, nextId } = this.#world
    const opening = openingOf({ id: nextId(), kind, request: this.#request, route, secrets })
    const channel = `gateway:${this.#visitor.door.ingress}` as const
    return evidence.open({ channel, agent: lease.agent, session: lease.session }, opening)
  }

  #audit({ code: subject, message }: AmcError): void {
    const code = egressAuditCode(subject)
    if (code === null) return
    const [lease, target] = [this.#lease, this.#target]
    const whose =
      lease === null || code === "LEASE_REFUSED"
        ? { agent: systemAgent, session: null }
        : { agent: lease.agent, session: lease.session }
    const place = target === null ? "" : `${target.host}:${target.port}: `
    const detail = new ForeignValues(this.#world.secrets).text(`${place}${message}`)
    const channel = `gateway:${this.#visitor.door.ingress}` as const
    void this.#world.audits.report({ ...whose, channel, code, subject, detail })
  }
}
