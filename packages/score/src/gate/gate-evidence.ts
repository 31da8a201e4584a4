import type { Report } from "../v1/report.ts"

/** One verified run, as a gate looks at it. Its report was rebuilt from its evidence. */
export interface JudgedRun {
  readonly report: Report
  /** The verifier's own label, never above the sealed one. */
  readonly label: Report["trust_label"]
  /** What the witnesses of the policy say; null where none were asked. */
  readonly quorum: "met" | "not-met" | "none" | null
  /** Questions whose deciding events were all observed by the monitor. */
  readonly observed: ReadonlySet<string>
}

/** An earlier run of the agent, and where it stands in the history of the run that is judged. */
export interface PreviousRun extends JudgedRun {
  /** `elsewhere`: that history does not hold its opening, so that nothing follows from it. */
  readonly place: "last" | "earlier" | "elsewhere"
}

/** All that a gate's policy is evaluated on. What is missing in it fails the rules that ask for it. */
export interface GateEvidence extends JudgedRun {
  /** The time that age is judged at. */
  readonly atMs: number
  /** When the run was opened, by the monitor's clock. */
  readonly openedMs: number
  readonly previous: PreviousRun | null
}

/** Every rule that a gate knows; a refusal's finding is `gate/<rule>`. */
export const gateRules = [
  "status",
  "agent",
  "stale",
  "age",
  "trust-label",
  "integrity-index",
  "completeness",
  "posture",
  "upstream",
  "witnesses",
  "overall",
  "layer",
  "question",
  "veto",
  "drop",
  "previous-run",
] as const
export type GateRule = (typeof gateRules)[number]

/** What one rule found. Texts may hold what the report's producer wrote. */
export interface GateCheck {
  readonly rule: GateRule
  /** What it is about: a layer, a question, the report. */
  readonly subject: string
  readonly value: string
  /** What the policy asks for. */
  readonly bound: string
  readonly passed: boolean
  /** The way out of a refusal; null if it passed. */
  readonly next: string | null
}
