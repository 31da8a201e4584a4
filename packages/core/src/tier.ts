import type { Channel } from "./channel.ts"
import type { MeasuredFacts } from "./facts.ts"

/** How evidence was captured, from weakest to strongest (S1). */
export const tiers = ["SELF_REPORTED", "ATTESTED", "OBSERVED", "OBSERVED_HARDENED"] as const
export type Tier = (typeof tiers)[number]

/** What a session was measured to be at its seal; absent while it is open. */
export type SealedPosture = Pick<MeasuredFacts<"session_seal">, "posture" | "hardened">

/**
 * The tier of an event, from how it came in and from its session's posture. No payload can claim one.
 *
 * HARDENED needs the run's own socket as ingress for what came through the gateway. An auditor's word
 * raises what came in from outside, and nothing to what was observed.
 */
export function tierOf(
  channel: Channel,
  seal: SealedPosture | undefined,
  isAttested: boolean = false,
): Tier {
  if (channel === "ingest") return isAttested ? "ATTESTED" : "SELF_REPORTED"
  if (channel === "owner") return "SELF_REPORTED"
  const isHardened = seal !== undefined && seal.posture === "measured" && seal.hardened
  return isHardened && channel !== "gateway:loopback" ? "OBSERVED_HARDENED" : "OBSERVED"
}

export function isAtLeast(tier: Tier, floor: Tier): boolean {
  return tiers.indexOf(tier) >= tiers.indexOf(floor)
}
