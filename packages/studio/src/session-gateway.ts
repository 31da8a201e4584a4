import { randomBytes } from "node:crypto"
import { join } from "node:path"
import type { Channel } from "@amc/core"
import {
  createGateway,
  type Gateway,
  type Ingress,
  type Lease,
  LeaseBook,
  leaseFacts,
  SecretScanner,
  type Upstream,
} from "@amc/gateway"
import type { Capture } from "./capture.ts"
import { type Exchanges, ExchangeTally } from "./exchange-tally.ts"
import { egressPolicyOf } from "./egress-config.ts"
import { gatewayLimitsOf } from "./gateway-clocks.ts"
import { upstreamOf } from "./gateway-config.ts"
import { openSessionEgress, type SessionEgress } from "./session-egress.ts"
import type { SessionTerms } from "./session-terms.ts"
import { openBudgets } from "./spent-before.ts"
import { type Canary, TrippedScanner } from "./tripped-scanner.ts"
import { allowlistsOf, policiesOf } from "./wire-policies.ts"
import { monitorKidOf } from "./monitor-kid.ts"

/** The gateway and the egress proxy of one session: ways in of its own, a lease of its own. */
export interface SessionGateway {
  readonly token: string
  readonly secrets: SecretScanner
  /** The run's socket, or the loopback port of a session without a box. */
  readonly socketPath: string
  readonly baseUrl: string
  readonly egress: Omit<SessionEgress, "close">
  /** How the session's calls ended so far. */
  exchanges(): Exchanges
  close(): Promise<void>
}

const graceMs = 60_000

/**
 * Opens the session's own way in and issues its lease. A boxed agent comes by the run's socket, where no
 * other session's lease counts; without a box it comes by a loopback port that others can reach too.
 */
export async function openSessionGateway(
  capture: Capture,
  session: string,
  terms: SessionTerms,
  inBox: { readonly gateway: string; readonly egress: string },
  canary: Canary | null = null,
): Promise<SessionGateway> {
  const { providers, driver, limits, agent } = terms
  const ingress: Ingress = driver === "none" ? "loopback" : "run-socket"
  const upstreams = new Map<string, Upstream>()
  for (const provider of providers) {
    const key = await capture.providerKey(provider)
    upstreams.set(provider.id, upstreamOf(capture.workspace, provider, key))
  }
  const leases = new LeaseBook(randomBytes, capture.clock)
  const { token, lease } = leases.issue({
    agent,
    session,
    providers: [...upstreams.keys()],
    ingress,
    ttlMs: limits.max_seconds * 1000 + graceMs,
    maxCalls: limits.max_calls,
    policies: policiesOf(capture, agent),
    allowlists: allowlistsOf(capture, agent),
  })
  const known = [
    new TextEncoder().encode(token),
    ...[...upstreams.values()].flatMap(({ key }) => (key === null ? [] : [key])),
  ]
  const secrets = canary === null ? new SecretScanner(known) : new TrippedScanner(known, canary)
  const tally = new ExchangeTally(capture.recorder)
  const gateway = createGateway({
    recorder: tally,
    leases,
    providers: upstreams,
    clock: capture.clock,
    random: randomBytes,
    limits: gatewayLimitsOf(capture.gatewayConfig),
    spoolDir: capture.spoolDir,
    secrets,
    monitorKid: monitorKidOf(capture),
    ...openBudgets(capture),
  })
  await recordLease(capture, lease, "issued")
  const socketPath = join(capture.runDir, `${session.slice(-12)}.sock`)
  const port = await gateway.listen(
    ingress === "run-socket" ? { socketPath } : { port: 0, host: "127.0.0.1" },
    ingress,
    session,
  )
  const egress = await openSessionEgress(capture, {
    session,
    token,
    lease,
    leases,
    secrets,
    policy: egressPolicyOf(capture.gatewayConfig),
    inBoxPlace: inBox.egress,
    gatewayPort: port,
  })
  return {
    token,
    secrets,
    socketPath,
    baseUrl: `http://${port === null ? inBox.gateway : `127.0.0.1:${port}`}`,
    egress,
    exchanges: () => tally.exchanges,
    close: () => closeBoth(capture, { gateway, egress }, lease),
  }
}

async function closeBoth(
  capture: Capture,
  { gateway, egress }: { readonly gateway: Gateway; readonly egress: SessionEgress },
  lease: Lease,
): Promise<void> {
  await Promise.all([gateway.close(), egress.close()])
  await recordLease(capture, lease, "revoked")
}

async function recordLease(
  { recorder }: Capture,
  lease: Lease,
  action: "issued" | "revoked",
): Promise<void> {
  await recorder.record({
    type: "lease",
    channel: "session" satisfies Channel,
    agent: lease.agent,
    session: lease.session,
    facts: leaseFacts(lease, action),
  })
}
