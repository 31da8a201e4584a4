import type { Report } from "@amc/score"

export type TrustLabel = Report["trust_label"]

const order: readonly TrustLabel[] = ["UNRELIABLE", "LOW TRUST", "HIGH TRUST"]

/**
 * The label that this verifier gives a sealed report: the sealed one, or a lower one.
 *
 * HIGH TRUST needs cosignatures of the verifier's own witnesses. It has none, so time here is the
 * owner's own word, and LOW TRUST is the most that anything can get.
 */
export function judgeTrustLabel(sealed: TrustLabel): TrustLabel {
  return lower(sealed, "LOW TRUST")
}

function lower(a: TrustLabel, b: TrustLabel): TrustLabel {
  return order.indexOf(a) < order.indexOf(b) ? a : b
}
