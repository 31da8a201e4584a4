import type { EvidenceEvent } from "./evidence.ts"

/** What the evidence says of one signed file. */
export interface SurveyedConfig {
  readonly path: string
  readonly state: "signed" | "unsigned" | "invalid"
  /** Of the last recorded change; null where only an audit speaks of it. */
  readonly version: number | null
  readonly sha256: string | null
  /** The event that says so. */
  readonly event: string
  readonly lseq: number
  readonly ts: number
}

/** The last that is recorded of each signed file, by path; a change that raises no version repairs nothing. */
export function surveyConfigs(events: readonly EvidenceEvent[]): readonly SurveyedConfig[] {
  const found = new Map<string, SurveyedConfig>()
  for (const { hash, event } of events.toSorted((a, b) => a.event.ts - b.event.ts)) {
    const { lseq, ts } = event
    if (event.type === "config_change") {
      const { path, version, sha256 } = event.facts.measured
      if (version <= (found.get(path)?.version ?? -1)) continue
      found.set(path, { path, state: "signed", version, sha256, event: hash, lseq, ts })
    }
    if (event.type !== "audit") continue
    const { code, subject: path } = event.facts.measured
    if (code !== "CONFIG_UNSIGNED" && code !== "CONFIG_SIGNATURE_INVALID") continue
    const last = found.get(path)
    const { version, sha256 } = last ?? { version: null, sha256: null }
    const isInvalid = code === "CONFIG_SIGNATURE_INVALID" || last?.state === "invalid"
    const state = isInvalid ? "invalid" : "unsigned"
    found.set(path, { path, state, version, sha256, event: hash, lseq, ts })
  }
  return [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1))
}
