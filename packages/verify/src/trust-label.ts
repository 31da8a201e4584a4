import type { Report } from "@amc/score"

export type TrustLabel = Report["trust_label"]

/** When the evidence was captured, by its own word and by a quorum of the verifier's witnesses. */
export interface WitnessedTime {
  /** When the quorum of the verifier's own policy had cosigned all of it. */
  readonly sinceMs: number
  /** The times that the first and the last counted event claim. */
  readonly fromMs: number
  readonly toMs: number
}

const order: readonly TrustLabel[] = ["UNRELIABLE", "LOW TRUST", "HIGH TRUST"]
const dayMs = 86_400_000
/** How far the owner's clock may be ahead of the witnesses'. */
const skewMs = 5 * 60_000

/**
 * The label that this verifier gives a sealed report: the sealed one, or a lower one.
 *
 * HIGH TRUST needs a quorum of the verifier's own witnesses within 24 hours of all that counts: what was
 * captured earlier than that may have been written later, and what claims a later time is wrong anyway. Without
 * a quorum (null) time is the owner's own word, and LOW TRUST is the most that anything can get.
 */
export function judgeTrustLabel(sealed: TrustLabel, time: WitnessedTime | null): TrustLabel {
  return isTimely(time) ? sealed : lower(sealed, "LOW TRUST")
}

function isTimely(time: WitnessedTime | null): boolean {
  if (time === null) return false
  const { sinceMs, fromMs, toMs } = time
  return sinceMs - fromMs <= dayMs && toMs - sinceMs <= skewMs
}

function lower(a: TrustLabel, b: TrustLabel): TrustLabel {
  return order.indexOf(a) < order.indexOf(b) ? a : b
}
