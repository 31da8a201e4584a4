import type { GatePolicy } from "@amc/core"

/** Asks for nothing but a producer. */
export const loose: GatePolicy = {
  v: 1,
  id: "release",
  producerRoots: [`sha256:${"ab".repeat(32)}`],
  requireObservedForLevel5: false,
  denyIfLowTrust: false,
}
