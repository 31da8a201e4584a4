import { payloadPath } from "@amc/bundle"
import { type Event, type Finding, sha256Hex } from "@amc/core"
import type { BundleFiles } from "./bundle-files.ts"
import type { PruneLog } from "./prune-log.ts"
import type { CheckedEvent } from "./session-check.ts"

/** What became of the stored payloads that the agent's events name. */
export interface PayloadCounts {
  /** Distinct payloads that events name. */
  readonly named: number
  /** How many of them are in the bundle. */
  readonly held: number
  /** How many the bundle says it withholds. Their digests are in the evidence. */
  readonly withheld: number
}

export interface BundlePayloadTerms {
  readonly events: Iterable<CheckedEvent>
  readonly prunes: Pick<PruneLog, "isPruned">
}

export interface CheckedPayloads {
  readonly counts: PayloadCounts
  readonly findings: readonly Finding[]
}

/**
 * Checks that a bundle holds just the payloads that the agent's events name, or says that it withholds them. Those that
 * the auditor's policy let go need not be there.
 */
export function checkBundlePayloads(
  files: BundleFiles,
  { events, prunes }: BundlePayloadTerms,
): CheckedPayloads {
  const { manifest, contents } = files
  const named = new Map<string, boolean>()
  for (const { event } of events) {
    const sha256 = payloadOf(event, manifest.agent)
    if (sha256 === null) continue
    const isPruned = prunes.isPruned(event.lane, event.lseq)
    named.set(sha256, (named.get(sha256) ?? true) && isPruned)
  }
  const held = new Set(contents.payloads)
  const isWithheld = manifest.withheld.includes("payloads")
  const missing = [...named].filter(([sha256, isPruned]) => !held.has(sha256) && !isPruned)
  return {
    counts: { named: named.size, held: held.size, withheld: isWithheld ? missing.length : 0 },
    findings: [
      ...contents.payloads.flatMap((sha256) => heldFindings(files, sha256, named)),
      ...(isWithheld ? [] : missing.map(([sha256]) => missingFinding(sha256))),
    ],
  }
}

/** What the auditor signed has a place of its own in a bundle. */
function payloadOf({ agent, type, payload }: Event, of: string): string | null {
  return agent === of && type !== "attestation" ? (payload?.blob_sha256 ?? null) : null
}

function heldFindings(
  files: BundleFiles,
  sha256: string,
  named: ReadonlyMap<string, unknown>,
): readonly Finding[] {
  const subject = payloadPath(sha256)
  if (sha256Hex(files.get(subject)) !== sha256) {
    const detail = "it is not what its name says"
    return [{ code: "ledger/blob-contradicted", subject, detail, tampered: true }]
  }
  const isUnwanted = files.manifest.withheld.includes("payloads")
  if (named.has(sha256) && !isUnwanted) return []
  const detail = isUnwanted
    ? "it is here although the bundle says that it withholds payloads"
    : "no event of the agent names it"
  return [{ code: "bundle/stray-file", subject, detail, tampered: false }]
}

function missingFinding(sha256: string): Finding {
  const detail =
    "an event names it, no policy let it go, and the bundle does not say that it withholds it"
  return { code: "bundle/payload-missing", subject: payloadPath(sha256), detail, tampered: false }
}
