import { join } from "node:path"
import { AmcError, egressRules } from "@amc/core"
import {
  type Egress,
  type Gateway,
  type Lease,
  type LeaseBook,
  leaseFacts,
  leaseSource,
  type ListedLease,
} from "@amc/gateway"
import { makeCosigned } from "./cosigning.ts"
import { checkAgentId } from "./agent-config.ts"
import { type Capture, openCapture } from "./capture.ts"
import { removeGatewayFile, writeGatewayFile } from "./gateway-file.ts"
import { type ControlServer, serveControl } from "./gateway-control.ts"
import { findProvider } from "./gateway-config.ts"
import type { IssuedLease, LeaseRequest } from "./lease-request.ts"
import { listen, type ListenTerms, type StandingPorts } from "./standing-ports.ts"
import { partsOf, type StandingParts } from "./standing-parts.ts"
import type { StandingSessions } from "./standing-sessions.ts"
import { allowlistsOf, policiesOf } from "./wire-policies.ts"
import type { Workspace } from "./workspace.ts"

export interface StandingTerms extends ListenTerms {
  readonly clock: () => number
  /** Told what the witnesses did not do. */
  readonly warn?: (text: string) => void
}

/** A verifier who wants a cosignature for each day gets one with time to spare. */
const witnessEveryMs = 3_600_000
const longestLeaseMs = 7 * 24 * 3_600_000
const sweepMs = 30_000

/** A gateway that stands by itself: it holds the workspace's lane until it is closed. */
export class StandingGateway {
  readonly url: string
  /** Of its egress proxy; null where signed config lets nothing out. */
  readonly egressUrl: string | null
  readonly #capture: Capture
  readonly #leases: LeaseBook
  readonly #gateway: Gateway
  readonly #egress: Egress
  readonly #sessions: StandingSessions
  readonly #sweeper: NodeJS.Timeout
  readonly #rounds: NodeJS.Timeout
  readonly #warn: (text: string) => void
  #round: Promise<void> = Promise.resolve()
  #control: ControlServer | null = null
  #released: Promise<void> | null = null

  private constructor(parts: StandingParts, ports: StandingPorts, { host, warn }: StandingTerms) {
    const own = `http://${host.includes(":") ? `[${host}]` : host}`
    this.url = `${own}:${ports.gateway}`
    this.egressUrl = ports.egress === null ? null : `${own}:${ports.egress}`
    this.#capture = parts.capture
    this.#leases = parts.leases
    this.#gateway = parts.gateway
    this.#egress = parts.egress
    this.#sessions = parts.sessions
    this.#sweeper = setInterval(() => this.#sessions.sweep(), sweepMs).unref()
    this.#warn = warn ?? (() => undefined)
    this.#rounds = setInterval(() => this.#askWitnesses(), witnessEveryMs).unref()
  }

  /**
   * Starts the gateway of a workspace: on a port of this machine for agents, and on a socket of this user
   * alone for the owner's commands.
   *
   * @throws {@link AmcError} as {@link openCapture}; `usage/invalid` where it can't listen
   */
  static async start(workspace: Workspace, terms: StandingTerms): Promise<StandingGateway> {
    const capture = await openCapture(workspace, { clock: terms.clock, monitorOnly: true })
    let parts: StandingParts | null = null
    try {
      parts = await partsOf(capture)
      const standing = new StandingGateway(parts, await listen(parts, terms), terms)
      await standing.#serve()
      standing.#askWitnesses()
      return standing
    } catch (error) {
      await Promise.all([parts?.gateway.close(), parts?.egress.close()])
      await capture.close()
      throw error
    }
  }

  get isLocked(): boolean {
    return this.#released !== null
  }

  /**
   * Gives out a lease, which lives in this process's memory alone.
   *
   * @throws {@link AmcError} `usage/invalid`, `gateway/locked`; as recording does
   */
  async issue(request: LeaseRequest): Promise<IssuedLease> {
    const { agent, providers, ttl_ms: ttlMs, policy, egress } = request
    this.#requireUnlocked()
    checkAgentId(agent)
    if (ttlMs < 1000 || ttlMs > longestLeaseMs)
      throw new AmcError("usage/invalid", "a lease lasts for at least a second, at most 7 days")
    for (const id of providers) findProvider(this.#capture.gatewayConfig.value, id)
    const own = policy === undefined ? [] : [{ source: leaseSource, policy }]
    const narrowed =
      egress === undefined ? [] : [{ source: leaseSource, allow: egressRules(egress.allow) }]
    const { token, lease } = this.#leases.issue({
      agent,
      session: null,
      providers: [...new Set(providers)],
      ingress: "loopback",
      ttlMs,
      policies: [...policiesOf(this.#capture, agent), ...own],
      allowlists: [...allowlistsOf(this.#capture, agent), ...narrowed],
    })
    try {
      await this.#record(lease, "issued")
    } catch (error) {
      this.#leases.revoke(lease.id)
      throw error
    }
    return { token, lease: { ...lease, calls: 0, bytes: 0 } }
  }

  leases(): readonly ListedLease[] {
    return this.#leases.list()
  }

  /**
   * Takes a lease back; calls under way are broken off.
   *
   * @throws {@link AmcError} `gateway/unknown-lease`, `usage/invalid` where the beginning fits several
   */
  async revoke(beginning: string): Promise<Lease> {
    const found = this.#leases.list().filter(({ id }) => id.startsWith(beginning))
    const [lease] = found
    if (found.length > 1)
      throw new AmcError("usage/invalid", `several leases begin with ${beginning}`)
    if (lease === undefined || beginning.length < 8)
      throw new AmcError("gateway/unknown-lease", "the gateway knows no lease of that id", {
        hint: "'amc lease list' shows the ids; eight characters of one are enough",
      })
    this.#leases.revoke(lease.id)
    await this.#record(lease, "revoked")
    this.#sessions.end(lease.id)
    return lease
  }

  /** Ends leases, sessions and keys; from then on every request gets 503. */
  lock(): Promise<void> {
    this.#gateway.lock()
    return (this.#released ??= this.#release())
  }

  /** Ends everything. Resolves when what was open is recorded. */
  async close(): Promise<void> {
    clearInterval(this.#sweeper)
    this.#gateway.lock()
    await this.#control?.close()
    await this.#gateway.close()
    await (this.#released ??= this.#release())
  }

  async #serve(): Promise<void> {
    const { workspace, runDir } = this.#capture
    const socket = join(runDir, "control.sock")
    this.#control = await serveControl(this, socket)
    writeGatewayFile(workspace, {
      schema: "amc.gateway/v1",
      pid: process.pid,
      url: this.url,
      egress_url: this.egressUrl,
      socket,
    })
  }

  async #release(): Promise<void> {
    const { workspace, runDir } = this.#capture
    clearInterval(this.#rounds)
    for (const { id } of this.#leases.list()) await this.#drop(id)
    await this.#egress.close()
    await this.#sessions.close()
    await this.#round
    removeGatewayFile(workspace, join(runDir, "control.sock"))
    await this.#capture.close()
  }

  /** While it stands nobody else can ask them, since it holds the lane. */
  #askWitnesses(): void {
    this.#round = makeCosigned(this.#capture).then(
      ({ warnings }) => warnings.forEach(this.#warn),
      (error: unknown) => this.#warn(`the witnesses were not asked: ${String(error)}`),
    )
  }

  async #drop(id: string): Promise<void> {
    const lease = this.#leases.revoke(id)
    if (lease !== null) await this.#record(lease, "revoked")
  }

  #requireUnlocked(): void {
    if (this.isLocked) throw new AmcError("gateway/locked", "the gateway was locked")
  }

  async #record(lease: Lease, action: "issued" | "revoked"): Promise<void> {
    await this.#capture.recorder.record({
      type: "lease",
      channel: "session",
      agent: lease.agent,
      session: null,
      facts: leaseFacts(lease, action),
    })
  }
}
