import type { Finding } from "@amc/core"
import type { Report } from "../v1/report.ts"
import type { GateCheck } from "./gate-evidence.ts"

/** A policy whose signature counted. */
export interface GatedPolicy {
  /** Within the signed text, and so no other policy's of that root. */
  readonly id: string
  readonly name: string
  readonly sha256: string
  readonly workspace: string
  /** The fingerprint of the consumer's root. */
  readonly root: string
  readonly version: number
}

/** The bundle that was looked at, as it was verified to be. */
export interface GatedBundle {
  readonly sha256: string
  readonly workspace: string
  /** The fingerprint of the producer's root. */
  readonly root: string
  readonly agent: string
  readonly run_id: string
  readonly opened_ms: number
  /** The verifier's own, never above the sealed one. */
  readonly trust_label: Report["trust_label"]
  readonly integrity_index: number
  readonly overall: Report["overall"]
  readonly posture: Report["posture"]
  readonly upstreams: Report["upstreams"]
}

/** What a gate came to, in all of its formats. */
export interface GateOutcome {
  readonly schema: "amc.gate/v1"
  readonly passed: boolean
  /** As of when. */
  readonly at_ms: number
  /** Null where its signature did not count. */
  readonly policy: GatedPolicy | null
  /** Null where it was not accepted. */
  readonly bundle: GatedBundle | null
  readonly previous: GatedBundle | null
  /** Empty unless policy and bundle were accepted. */
  readonly checks: readonly GateCheck[]
  /** Why policy or bundles were not accepted, and what the checks refused. */
  readonly findings: readonly Finding[]
}

/** What a failed check says as a finding. */
export function gateFinding({ rule, subject, value, bound }: GateCheck): Finding {
  const detail = `${value}; the policy asks for ${bound}`
  return { code: `gate/${rule}`, subject, detail, tampered: false }
}
