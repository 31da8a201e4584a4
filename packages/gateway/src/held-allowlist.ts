import type { EgressRule } from "@amc/core"

/** An allowlist that narrows the policy for whoever is held to it. */
export interface HeldAllowlist {
  readonly allow: readonly EgressRule[]
  /** Where it stands, for who is refused. */
  readonly source: string
}
