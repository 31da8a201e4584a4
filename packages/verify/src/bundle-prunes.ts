import { policyPath } from "@amc/bundle"
import { type Event, type Finding, type Keyring, sha256Hex } from "@amc/core"
import { configChangeOf, inTime } from "./bundle-config.ts"
import type { BundleFiles } from "./bundle-files.ts"
import type { FindingList } from "./finding-list.ts"
import { PruneLog } from "./prune-log.ts"
import type { CheckedEvent } from "./session-check.ts"

/** By what the prunes of a bundle are judged; its events' signatures were checked with their chains. */
export interface BundlePruneTerms {
  readonly keyring: Keyring
  readonly atMs: number
  readonly events: readonly CheckedEvent[]
}

/**
 * Checks that every prune in the slices holds the auditor's policy that was in force, and that this let the payloads
 * of the agent's events go. Gives how many of them are gone.
 */
export function checkBundlePrunes(
  files: BundleFiles,
  { events, ...terms }: BundlePruneTerms,
  findings: FindingList,
): number {
  const prunes = new PruneLog({ ...terms, isWhole: false })
  for (const { event } of inTime(events)) {
    const subject = `event ${event.aseq} of ${event.agent} in lane ${event.lane}`
    findings.addAll(prunes.note("checked", event, wordOf(files, event), subject))
  }
  findings.addAll(unnamedPolicies(files, events))
  return prunes.count
}

function wordOf(files: BundleFiles, event: Event): Uint8Array | null {
  if (event.type !== "payload_prune") return configChangeOf(files, event)
  const sha256 = event.payload?.blob_sha256 ?? ""
  return files.contents.policies.includes(sha256) ? files.get(policyPath(sha256)) : null
}

function unnamedPolicies(files: BundleFiles, events: readonly CheckedEvent[]): readonly Finding[] {
  const named = new Set(
    events.flatMap(({ event }) =>
      event.type === "payload_prune" ? (event.payload?.blob_sha256 ?? []) : [],
    ),
  )
  return files.contents.policies.flatMap((sha256): Finding[] => {
    const subject = policyPath(sha256)
    if (sha256Hex(files.get(subject)) !== sha256) {
      const detail = "it is not what its name says"
      return [{ code: "ledger/blob-contradicted", subject, detail, tampered: true }]
    }
    if (named.has(sha256)) return []
    const detail = "no prune in the run's evidence names it"
    return [{ code: "bundle/config-unnamed", subject, detail, tampered: false }]
  })
}
