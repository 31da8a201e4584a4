import { isFault, type MeasuredFacts } from "@amc/core"
import type { Lease, SessionPass, SessionSource } from "@amc/gateway"
import { openSession, sealSession, type SealTerms } from "@amc/ledger"
import type { Capture } from "./capture.ts"
import { upstreamOf } from "./gateway-config.ts"
import { newSessionId } from "./ids.ts"

interface Standing {
  readonly lease: Lease
  readonly session: string
  readonly openedMs: number
  readonly opened: Promise<void>
  /** Resolves when the seal is durable, or can't be. */
  readonly sealed: PromiseWithResolvers<void>
  usedMs: number
  running: number
  /** Set when no call begins in it any more. */
  end: SealTerms["reason"] | null
}

const idleMs = 15 * 60_000
const longestMs = 24 * 3_600_000

/**
 * The sessions of bare leases: one opens at a lease's first call and is sealed after 15 minutes with no
 * call, or after 24 hours. Nothing of the agent is seen but its calls, so such a session is `declared` where
 * the owner's signed config says that agents are isolated, and `shared` where it does not.
 */
export class StandingSessions implements SessionSource {
  readonly #capture: Capture
  readonly #open = new Map<string, Standing>()
  readonly #unsealed = new Set<Promise<void>>()

  constructor(capture: Capture) {
    this.#capture = capture
  }

  /** @throws {@link AmcError} as recording does; the call is then not to be forwarded */
  async enter(lease: Lease): Promise<SessionPass> {
    const now = this.#capture.clock()
    this.sweep()
    const standing = this.#open.get(lease.id) ?? this.#begin(lease, now)
    standing.running++
    try {
      await standing.opened
    } catch (error) {
      this.#open.delete(lease.id)
      this.#unsealed.delete(standing.sealed.promise)
      throw error
    }
    let hasLeft = false
    const leave = (): void => {
      if (hasLeft) return
      hasLeft = true
      standing.running--
      standing.usedMs = this.#capture.clock()
      if (standing.end !== null && standing.running === 0) this.#seal(standing, standing.end)
    }
    return { session: standing.session, leave }
  }

  /** Seals what is idle or has lasted for too long. Call it now and then. */
  sweep(): void {
    const now = this.#capture.clock()
    for (const standing of this.#open.values()) {
      if (now - standing.openedMs >= longestMs) this.#retire(standing, "timeout")
      else if (standing.running === 0 && now - standing.usedMs >= idleMs)
        this.#retire(standing, "idle")
    }
  }

  /** Ends the session of a lease that was revoked, once its calls have. */
  end(leaseId: string): void {
    const standing = this.#open.get(leaseId)
    if (standing !== undefined) this.#retire(standing, "interrupted")
  }

  /** Ends all sessions. Resolves when their calls have ended and they are sealed. */
  async close(): Promise<void> {
    for (const standing of this.#open.values()) this.#retire(standing, "interrupted")
    await Promise.all(this.#unsealed)
  }

  #begin(lease: Lease, now: number): Standing {
    const session = newSessionId()
    const opened = this.#record(lease, session)
    const sealed = Promise.withResolvers<void>()
    const times = { openedMs: now, usedMs: now }
    const standing = { lease, session, ...times, running: 0, opened, sealed, end: null }
    this.#open.set(lease.id, standing)
    this.#unsealed.add(sealed.promise)
    return standing
  }

  async #record(lease: Lease, session: string): Promise<void> {
    const { recorder, audit } = this.#capture
    const name = { agent: lease.agent, session }
    await openSession(recorder, name, openFacts(this.#capture, lease))
    if (!this.#isDeclared())
      await audit("TRUST_BOUNDARY_SHARED", session, "nothing says that the agent is isolated", name)
  }

  #isDeclared(): boolean {
    return this.#capture.workspace.config.value.security?.trustBoundaryMode === "isolated"
  }

  #retire(standing: Standing, reason: SealTerms["reason"]): void {
    this.#open.delete(standing.lease.id)
    standing.end = reason
    if (standing.running === 0) this.#seal(standing, reason)
  }

  #seal({ lease, session, opened, sealed }: Standing, reason: SealTerms["reason"]): void {
    const posture = this.#isDeclared() ? "declared" : "shared"
    const name = { agent: lease.agent, session }
    const sealing = opened.then(() =>
      sealSession(this.#capture.recorder, name, { reason, posture, hardened: false }),
    )
    const settled = sealing.then(
      () => undefined,
      (error: unknown) => {
        // What can't be sealed now is sealed by recovery, which says so.
        if (!isFault(error)) throw error
      },
    )
    sealed.resolve(settled)
    void settled.finally(() => this.#unsealed.delete(sealed.promise))
  }
}

function openFacts(
  { workspace, gatewayConfig }: Capture,
  lease: Lease,
): MeasuredFacts<"session_open"> {
  const providers = gatewayConfig.value.providers.filter(({ id }) => lease.providers.includes(id))
  return {
    kind: "gateway",
    driver: "none",
    providers: providers.map((provider) => ({
      provider: provider.id,
      upstream: provider.upstream,
      loopback: upstreamOf(workspace, provider, null).loopback,
    })),
    command_sha256: null,
    work_sha256: null,
    max_calls: lease.maxCalls ?? 0,
    max_duration_ms: longestMs,
  }
}
