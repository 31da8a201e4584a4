import type { Availability } from "./detect.ts"
import type { SandboxHandle } from "./box.ts"
import type { SandboxLimits, SandboxSpec } from "./spec.ts"

/** The ways in which a box can be built. */
export const driverNames = ["bubblewrap", "docker", "podman"] as const
export type DriverName = (typeof driverNames)[number]

/** How a run is to be started: the facts of `sandbox_plan`. */
export interface PlanFacts {
  readonly driver: DriverName
  /** SHA-256 of the canonical JSON of all that the box is built from; it holds no secret. */
  readonly sha256: string
  /** How many words or settings the driver is given. */
  readonly words: number
  readonly mounts: number
  readonly limits: SandboxLimits
  readonly probeSha256: string
  /** What an engine's box is made of; null where the box has no image. */
  readonly image: BoxImage | null
  readonly network: BoxNetwork
}

/** An engine's image, as the engine names it, and the digest of its layers, which says what is in it. */
export interface BoxImage {
  readonly id: string
  readonly layersSha256: string
}

/** `none` has no interface but loopback; `internal` is a network of this run alone with all ways out closed. */
export type BoxNetwork = "none" | "internal"

/** A box that could be built: the plan is fixed, and nothing of it runs yet. */
export interface PreparedBox {
  readonly plan: PlanFacts
  /**
   * Builds the box and starts the probe in it, with the relay to the gateway listening.
   *
   * @throws {@link AmcError} `sandbox/start-failed` with the driver's own words as the cause
   */
  launch(): Promise<SandboxHandle>
}

/** One way to build boxes. A driver is asked for by name, and one that does not work is never replaced by another. */
export interface SandboxDriver {
  readonly name: DriverName
  /** Tries the driver by really running the probe with it. */
  detect(): Promise<Availability>
  /**
   * Looks at this machine and plans a box. To be called only for a driver that was detected.
   *
   * @throws {@link AmcError} `sandbox/unavailable`, `usage/invalid`
   */
  prepare(spec: SandboxSpec): Promise<PreparedBox>
}
