import { randomBytes } from "node:crypto"
import { join } from "node:path"
import {
  createEgress,
  type EgressPolicy,
  type Lease,
  type LeaseBook,
  type SecretScanner,
} from "@amc/gateway"
import type { Capture } from "./capture.ts"
import { type Connections, ConnectionTally, noConnections } from "./connection-tally.ts"
import { egressLimitsOf } from "./gateway-clocks.ts"

/** The egress proxy of one session. */
export interface SessionEgress {
  /** The run's socket; null without a box. */
  readonly socketPath: string | null
  /** What the agent gets as its proxy, lease included; null where it gets none. */
  readonly proxyUrl: string | null
  connections(): Connections
  close(): Promise<void>
}

export interface SessionEgressTerms {
  readonly session: string
  readonly token: string
  readonly lease: Lease
  readonly leases: LeaseBook
  readonly secrets: SecretScanner
  readonly policy: EgressPolicy
  /** `host:port` at which a box finds it. */
  readonly inBoxPlace: string
  /** Where the session's gateway listens, on no port in a box. */
  readonly gatewayPort: number | null
}

const noEgress: SessionEgress = {
  socketPath: null,
  proxyUrl: null,
  connections: () => noConnections,
  close: async () => undefined,
}

/**
 * Opens the session's way out. A box always has one, since what it refuses is evidence too; an agent without
 * a box gets one only where something is allowed, and could go around it.
 */
export async function openSessionEgress(
  { recorder, clock, runDir, gatewayConfig }: Capture,
  terms: SessionEgressTerms,
): Promise<SessionEgress> {
  const { session, token, lease, leases, secrets, policy, gatewayPort } = terms
  const isBoxed = lease.ingress === "run-socket"
  if (!isBoxed && policy.allow.length === 0) return noEgress
  const tally = new ConnectionTally(recorder)
  const egress = createEgress({
    recorder: tally,
    leases,
    policy,
    clock,
    random: randomBytes,
    limits: egressLimitsOf(gatewayConfig),
    secrets,
    ownPorts: () => (gatewayPort === null ? [] : [gatewayPort]),
  })
  const socketPath = isBoxed ? join(runDir, `${session.slice(-12)}.egress.sock`) : null
  const port = await egress.listen(
    socketPath === null ? { port: 0, host: "127.0.0.1" } : { socketPath },
    { ingress: lease.ingress, session, ...(isBoxed ? { lease } : {}) },
  )
  const place = port === null ? terms.inBoxPlace : `127.0.0.1:${port}`
  return {
    socketPath,
    proxyUrl: `http://agent:${token}@${place}`,
    connections: () => tally.connections,
    close: () => egress.close(),
  }
}
