import { changePath, configPath, configSignaturePath } from "@amc/bundle"
import { type Event, type Finding, findConfigKind, type Keyring, type PublicKey } from "@amc/core"
import type { BundleFiles } from "./bundle-files.ts"
import { checkConfig, type ConfigHistory, ConfigLog } from "./config-check.ts"
import type { EvidenceNotes } from "./evidence-notes.ts"
import { namedFileFindings } from "./named-files.ts"
import type { RunOpened } from "./run-slice.ts"
import type { CheckedEvent } from "./session-check.ts"

/** By what the configs of a bundle are judged. */
export interface BundleConfigTerms {
  readonly keyring: Keyring
  readonly notes: EvidenceNotes
  readonly runOpened: RunOpened
}

/**
 * What is wrong with the configs of a bundle: each change holds the auditor's signature of it, each file that
 * steered the run is there, as it was or in a later version that the auditor signed (the owner's disk has
 * only today's), and nothing else is.
 */
export function bundleConfigFindings(
  files: BundleFiles,
  { keyring, notes: { words }, runOpened }: BundleConfigTerms,
): readonly Finding[] {
  const { workspace } = files.manifest
  const { lseq: index, ts } = runOpened.event
  const auditors = {
    auditors: keyring.keys("auditor"),
    liveAuditors: withoutEnded(keyring, keyring.keysFrom("auditor", { index, ts })),
  }
  const log = new ConfigLog({ workspace, keyring })
  const changes = inTime(words).flatMap(({ event }) => {
    const subject = `event ${event.aseq} of ${event.agent} in lane ${event.lane}`
    return log.note(event, configChangeOf(files, event), subject)
  })
  const { changes: sha256s } = files.contents
  const named = { sha256s, pathOf: changePath, type: "config_change", what: "change" } as const
  const terms = { workspace, ...auditors, history: log.history, atMs: ts }
  const flaws = files.contents.configs.flatMap((path) => checkConfig(fileOf(files, path), terms))
  return [
    ...changes,
    ...log.doubts(),
    ...namedFileFindings(files, words, named),
    ...flaws,
    ...coverFindings(files, log.history),
  ]
}

/** A key that has ended signs no later version, whatever it says of the time. */
function withoutEnded(
  { revocations }: Keyring,
  keys: ReadonlyMap<string, PublicKey>,
): ReadonlyMap<string, PublicKey> {
  return new Map([...keys].filter(([kid]) => !revocations.revoked.has(kid)))
}

/** What the auditor signed of the change that an event tells of, if the bundle has it. */
export function configChangeOf(files: BundleFiles, { payload }: Event): Uint8Array | null {
  const sha256 = payload?.blob_sha256 ?? ""
  return files.contents.changes.includes(sha256) ? files.get(changePath(sha256)) : null
}

function fileOf(files: BundleFiles, path: string): Parameters<typeof checkConfig>[0] {
  const isSigned = files.manifest.files.some((file) => file.path === configSignaturePath(path))
  const signature = isSigned ? files.get(configSignaturePath(path)) : null
  return { path, bytes: files.get(configPath(path)), signature }
}

/** Lanes are apart, so that only their clocks order what they say of one file. */
function inTime(events: readonly CheckedEvent[]): readonly CheckedEvent[] {
  return events.toSorted(({ event: a }, { event: b }) => a.ts - b.ts || a.lseq - b.lseq)
}

function coverFindings(
  { manifest, contents }: BundleFiles,
  history: ConfigHistory,
): readonly Finding[] {
  const there = new Set(contents.configs)
  const missing = [...history.keys()].filter(
    (path) => !there.has(path) && isShown(path, manifest.agent),
  )
  const unnamed = contents.configs.filter((path) => !history.has(path))
  return [
    ...missing.map((subject) => ({
      code: "bundle/config-missing" as const,
      subject,
      detail: "it was in force in the run's evidence, and it is not there",
      tampered: false,
    })),
    ...unnamed.map((subject) => ({
      code: "bundle/config-unnamed" as const,
      subject,
      detail: "the run's evidence does not say that it was in force",
      tampered: false,
    })),
  ]
}

/** Files of other agents, and of people, are left out; that the auditor signed their changes is shown. */
function isShown(path: string, agent: string): boolean {
  const [folder, of, ...rest] = path.split("/")
  if (folder === "agents" && rest.length > 0 && of !== agent) return false
  return findConfigKind(path)?.isBundled ?? true
}
