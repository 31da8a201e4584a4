import { configPath, configSignaturePath } from "@amc/bundle"
import type { Finding, Keyring } from "@amc/core"
import type { BundleFiles } from "./bundle-files.ts"
import { checkConfig, type ConfigHistory, ConfigLog } from "./config-check.ts"
import type { RunOpened } from "./run-slice.ts"
import type { CheckedEvent } from "./session-check.ts"

/** By what the configs of a bundle are judged. */
export interface BundleConfigTerms {
  readonly keyring: Keyring
  /** The slice of the run. */
  readonly events: readonly CheckedEvent[]
  readonly runOpened: RunOpened
}

/**
 * What is wrong with the configs of a bundle: each file that steered the run is there, as it was or in a
 * later version that the auditor signed (the owner's disk has only today's), and nothing else is.
 */
export function bundleConfigFindings(
  files: BundleFiles,
  { keyring, events, runOpened }: BundleConfigTerms,
): readonly Finding[] {
  const log = new ConfigLog()
  const rolledBack = inTime(events).flatMap(({ event }) => {
    const subject = `event ${event.aseq} of ${event.agent} in lane ${event.lane}`
    return log.note(event).map((finding) => ({ ...finding, subject }))
  })
  const terms = {
    workspace: files.manifest.workspace,
    auditors: keyring.keys("auditor"),
    history: log.history,
    atMs: runOpened.event.ts,
  }
  const flaws = files.contents.configs.flatMap((path) => checkConfig(fileOf(files, path), terms))
  return [...rolledBack, ...flaws, ...coverFindings(files, log.history)]
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
    (path) => !there.has(path) && !isOfAnotherAgent(path, manifest.agent),
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

function isOfAnotherAgent(path: string, agent: string): boolean {
  const [folder, of, ...rest] = path.split("/")
  return folder === "agents" && rest.length > 0 && of !== agent
}
