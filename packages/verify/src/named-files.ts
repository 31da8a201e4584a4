import { type Event, type Finding, sha256Hex } from "@amc/core"
import type { BundleFiles } from "./bundle-files.ts"
import type { CheckedEvent } from "./session-check.ts"

/** Files of a bundle that events of one type name by their digests. */
export interface NamedFiles {
  readonly sha256s: readonly string[]
  readonly pathOf: (sha256: string) => string
  readonly type: Event["type"]
  /** What such an event tells of. */
  readonly what: string
}

/**
 * What is wrong with files that events name: each must be what its name says, which is checked here since an event
 * names it by that digest, and there must be such an event.
 */
export function namedFileFindings(
  files: BundleFiles,
  events: readonly CheckedEvent[],
  { sha256s, pathOf, type, what }: NamedFiles,
): readonly Finding[] {
  const named = new Set(
    events.flatMap(({ event }) => (event.type === type ? (event.payload?.blob_sha256 ?? []) : [])),
  )
  return sha256s.flatMap((sha256): Finding[] => {
    const subject = pathOf(sha256)
    if (sha256Hex(files.get(subject)) !== sha256) {
      const detail = "it is not what its name says"
      return [{ code: "ledger/blob-contradicted", subject, detail, tampered: true }]
    }
    if (named.has(sha256)) return []
    const detail = `no ${what} in the run's evidence names it`
    return [{ code: "bundle/config-unnamed", subject, detail, tampered: false }]
  })
}
