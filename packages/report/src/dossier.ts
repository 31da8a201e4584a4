import type { Report, Survey } from "@amc/score"

/** A run's report with what lies behind it and who sealed it: what each format is made from. */
export interface Dossier {
  readonly schema: "amc.dossier/v1"
  /** What the evidence was read from and verified against. */
  readonly basis: "ledger" | "bundle"
  readonly workspace: string
  /** The fingerprint of the root that the keys were certified by. */
  readonly root_sha256: string
  readonly seal: {
    readonly report_sha256: string
    /** Ids of the auditor's keys that sealed the report. */
    readonly kids: readonly string[]
    readonly checkpoint: {
      readonly origin: string
      readonly size: number
      readonly root_sha256: string
    }
  }
  /** The label that the verifier of a bundle gives, never above the sealed one; null for a ledger. */
  readonly verifier_label: Report["trust_label"] | null
  readonly report: Report
  readonly survey: Survey
}

/** The formats that a report can be had in. */
export const reportFormats = ["text", "json", "markdown", "html"] as const
export type ReportFormat = (typeof reportFormats)[number]
