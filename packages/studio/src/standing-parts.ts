import { randomBytes } from "node:crypto"
import {
  createEgress,
  createGateway,
  type Egress,
  type Gateway,
  LeaseBook,
  SecretScanner,
  type Upstream,
} from "@amc/gateway"
import type { Capture } from "./capture.ts"
import { egressPolicyOf } from "./egress-config.ts"
import { egressLimitsOf, gatewayLimitsOf } from "./gateway-clocks.ts"
import { upstreamOf } from "./gateway-config.ts"
import { monitorKidOf } from "./monitor-kid.ts"
import { openBudgets } from "./spent-before.ts"
import { StandingSessions } from "./standing-sessions.ts"

/** Of one lease's requests together, so that none can fill the disk; a budget of bytes sets less. */
const leaseBytes = 16 * 1024 ** 3

/** What a standing gateway is made of. */
export interface StandingParts {
  readonly capture: Capture
  readonly leases: LeaseBook
  readonly gateway: Gateway
  readonly egress: Egress
  readonly sessions: StandingSessions
  /** Of the gateway; no connection may lead there. */
  readonly ports: number[]
}

/** The gateway, the egress proxy and what both share, as signed config has them. Nothing listens yet. */
export async function partsOf(capture: Capture): Promise<StandingParts> {
  const { clock, recorder, spoolDir } = capture
  const leases = new LeaseBook(randomBytes, clock)
  const sessions = new StandingSessions(capture)
  const providers = await upstreamsOf(capture)
  const keys = Array.from(providers.values(), ({ key }) => key).filter((key) => key !== null)
  const secrets = new SecretScanner(keys)
  const gateway = createGateway({
    recorder,
    leases,
    sessions,
    providers,
    clock,
    random: randomBytes,
    limits: { ...gatewayLimitsOf(capture.gatewayConfig), leaseBytes },
    spoolDir,
    secrets,
    monitorKid: monitorKidOf(capture),
    ...openBudgets(capture),
  })
  const ports: number[] = []
  const egress = createEgress({
    recorder,
    leases,
    sessions,
    policy: egressPolicyOf(capture.gatewayConfig),
    clock,
    random: randomBytes,
    limits: egressLimitsOf(capture.gatewayConfig),
    secrets,
    ownPorts: () => ports,
  })
  return { capture, leases, gateway, egress, sessions, ports }
}

async function upstreamsOf(capture: Capture): Promise<ReadonlyMap<string, Upstream>> {
  const upstreams = new Map<string, Upstream>()
  for (const provider of capture.gatewayConfig.value.providers) {
    const key = await capture.providerKey(provider)
    upstreams.set(provider.id, upstreamOf(capture.workspace, provider, key))
  }
  return upstreams
}
