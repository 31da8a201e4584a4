import { type IngestFormat, type Tier, tierOf } from "@amc/core"
import { Attested } from "./attested.ts"
import type { EvidenceEvent } from "./evidence.ts"
import { dayOf } from "./integer.ts"
import type { Judged } from "./judged.ts"

/** A file of others' results, with what it reports and what that is worth. */
export interface IngestedFile {
  readonly event: string
  /** When it came in, whatever times it speaks of. */
  readonly ts: number
  readonly source_sha256: string
  readonly format: IngestFormat
  readonly about: string | null
  readonly tier: Tier
  readonly tool: string
  readonly entries: number
  readonly passed: number
  readonly failed: number
  readonly undecided: number
}

/**
 * The questions that results of others can be about: those that the agent's work decides. What only the monitor
 * can see (isolation, traffic, secrets, sessions) nobody else can report.
 */
const ingestible: ReadonlySet<string> = new Set(["SK-02"])

export function isIngestible(question: string): boolean {
  return ingestible.has(question)
}

/** The files that came in for an agent since a time, oldest first; the same bytes count once. */
export function ingestedOf(
  events: readonly EvidenceEvent[],
  agent: string,
  sinceMs: number,
): readonly IngestedFile[] {
  const told = events.filter(({ event }) => event.type === "ingest" && event.agent === agent)
  const attested = new Attested(events, agent)
  const files = new Map<string, IngestedFile>()
  for (const each of told.sort((a, b) => a.event.ts - b.event.ts)) {
    const file = fileOf(each, attested)
    const name = `${file.source_sha256} ${file.format}`
    const known = files.get(name)
    files.set(name, known === undefined ? file : merged(known, file))
  }
  return [...files.values()].filter(({ ts }) => ts >= sinceMs)
}

/** The files that a report shows: the last that came in. */
export interface ShownFiles {
  readonly count: number
  readonly attested: number
  readonly latest: readonly IngestedFile[]
}

const shownMax = 32

export function shownFiles(files: readonly IngestedFile[]): ShownFiles {
  return {
    count: files.length,
    attested: files.filter(({ tier }) => tier === "ATTESTED").length,
    latest: files.toReversed().slice(0, shownMax),
  }
}

/** What files add to the question that they are about, one unit each. */
export function judgedFiles(question: string, files: readonly IngestedFile[]): readonly Judged[] {
  if (!isIngestible(question)) return []
  return files.flatMap((file): Judged[] => {
    const outcome = file.about === question ? outcomeOf(file) : null
    if (outcome === null) return []
    const { event, ts, source_sha256, tier } = file
    const times = { day: dayOf(ts), firstMs: ts, lastMs: ts }
    const session = { id: `file ${event}`, ...times, replayKey: source_sha256, lastHash: event }
    return [{ session, tier, items: [{ outcome, events: [event] }] }]
  })
}

/**
 * A file fails if anything in it failed, like a session; it passes only if an auditor vouched for it, since what
 * others write raises nothing by itself.
 */
function outcomeOf(file: IngestedFile): "pass" | "fail" | "unknown" | null {
  if (file.failed > 0) return "fail"
  if (file.undecided > 0) return "unknown"
  return file.passed > 0 && file.tier === "ATTESTED" ? "pass" : null
}

function fileOf({ hash, event }: EvidenceEvent, attested: Attested): IngestedFile {
  if (event.type !== "ingest") throw new TypeError("not an ingested file")
  const { source_sha256, format, about } = event.facts.measured
  const { tool, entries, passed, failed, undecided } = event.facts.reported
  const tier = tierOf(event.channel, undefined, attested.has(event))
  const counts = { entries, passed, failed, undecided }
  return { event: hash, ts: event.ts, source_sha256, format, about, tier, tool, ...counts }
}

/**
 * It came in when it first did; a later copy may be the one that was vouched for. Where another reader of the
 * same bytes found more that failed, that stands.
 */
function merged(known: IngestedFile, again: IngestedFile): IngestedFile {
  return {
    ...known,
    tier: again.tier === "ATTESTED" ? again.tier : known.tier,
    passed: Math.min(known.passed, again.passed),
    failed: Math.max(known.failed, again.failed),
    undecided: Math.max(known.undecided, again.undecided),
  }
}
