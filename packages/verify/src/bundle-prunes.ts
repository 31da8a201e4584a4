import { policyPath } from "@amc/bundle"
import type { Event, Keyring } from "@amc/core"
import { configChangeOf } from "./bundle-config.ts"
import type { BundleFiles } from "./bundle-files.ts"
import type { EvidenceNotes } from "./evidence-notes.ts"
import type { FindingList } from "./finding-list.ts"
import { namedFileFindings } from "./named-files.ts"
import { PruneLog } from "./prune-log.ts"
import type { CheckedEvent } from "./session-check.ts"

/** By what the prunes of a bundle are judged; its events' signatures were checked with their chains. */
export interface BundlePruneTerms {
  readonly keyring: Keyring
  readonly atMs: number
  readonly notes: EvidenceNotes
  readonly events: Iterable<CheckedEvent>
}

/**
 * Checks that every prune in the slices holds the auditor's policy that was in force, and that this let the payloads
 * of the agent's events go. Gives which of them are gone.
 */
export function checkBundlePrunes(
  files: BundleFiles,
  { notes: { words }, events, ...terms }: BundlePruneTerms,
  findings: FindingList,
): PruneLog {
  const prunes = new PruneLog({ ...terms, isWhole: false })
  const isPruned = words.some(({ event }) => event.type === "payload_prune")
  for (const { event } of isPruned ? events : []) {
    const subject = `event ${event.aseq} of ${event.agent} in lane ${event.lane}`
    findings.addAll(prunes.note("checked", event, wordOf(files, event), subject))
  }
  const { policies: sha256s } = files.contents
  const named = { sha256s, pathOf: policyPath, type: "payload_prune", what: "prune" } as const
  findings.addAll(namedFileFindings(files, words, named))
  return prunes
}

function wordOf(files: BundleFiles, event: Event): Uint8Array | null {
  if (event.type !== "payload_prune") return configChangeOf(files, event)
  const sha256 = event.payload?.blob_sha256 ?? ""
  return files.contents.policies.includes(sha256) ? files.get(policyPath(sha256)) : null
}
