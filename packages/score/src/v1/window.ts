import { type AuditCode, type EventBody, systemAgent } from "@amc/core"
import type { EvidenceEvent } from "./evidence.ts"
import type { Surroundings } from "./indicator.ts"
import { type IngestedFile, ingestedOf } from "./ingested.ts"
import { dayOf } from "./integer.ts"
import type { JudgedSession } from "./judged-session.ts"
import { repairsIn } from "./repair.ts"
import { SessionFacts } from "./session-facts.ts"
import { type TraceSummary, tracesOf } from "./trace.ts"

/** What a run looks at: its sessions and what was recorded about AMC itself. */
export interface Window {
  readonly fromMs: number
  /** Since when what did not pass counts: before the window's start if that is late. */
  readonly lookMs: number
  readonly toMs: number
  /** The last day, from which ages are counted. */
  readonly today: number
  /** How many UTC days it touches. */
  readonly days: number
  /** Also those before its start that are looked back on. */
  readonly sessions: readonly JudgedSession[]
  readonly surroundings: Surroundings
  /** What the agent's and the system's chains hold from the beginning, of what bears on more than a session. */
  readonly own: SessionFacts
  readonly system: SessionFacts
  readonly gaps: number
  /** Sessions that were open, in their lane, when a gap came, or in which a stolen key signed. */
  readonly gapped: ReadonlySet<string>
  /** In the agent's or the system's chain: one in anybody's session may have given every key away. */
  readonly violations: readonly Violation[]
  /** Files whose signature was missing or wrong and that no signed change has repaired since. */
  readonly brokenFiles: readonly BrokenFile[]
  /** What the traces of the agent's runtime came to; null where there are none. */
  readonly traces: TraceSummary | null
  readonly ingested: readonly IngestedFile[]
  /** When the agent's config was signed anew, ascending. */
  readonly fixes: readonly number[]
}

/** Where the monitor's keys lay open, and how. */
export interface Violation {
  readonly subject: string
  readonly detail: string
}

export interface BrokenFile {
  readonly path: string
  readonly isInvalid: boolean
}

/** The window that a run names, and what lies before its start so that a short one hides nothing. */
export function windowFrom(
  run: EventBody<"run_opened">,
  /** What bears on more than its session, in order. */
  kept: readonly EvidenceEvent[],
  found: Pick<Window, "sessions" | "gapped" | "surroundings" | "lookMs">,
): Window {
  const { window_from_ms: fromMs, window_to_ms: toMs } = run.facts.measured
  const { lookMs } = found
  const repairs = repairsIn(new SessionFacts(kept).measured("config_change"))
  const ownPath = `agents/${run.agent}/agent.config.yaml`
  const recent = kept.filter(({ event }) => event.ts >= lookMs)
  return {
    ...found,
    fromMs,
    toMs,
    today: dayOf(toMs),
    days: dayOf(toMs) - dayOf(fromMs) + 1,
    own: new SessionFacts(kept.filter(({ event }) => event.agent === run.agent)),
    system: new SessionFacts(kept.filter(({ event }) => event.agent === systemAgent)),
    gaps: recent.filter(({ event }) => event.type === "gap").length,
    violations: violationsOf(recent),
    brokenFiles: brokenFilesOf(kept, new Set(repairs.map(({ hash }) => hash))),
    traces: tracesOf(kept, run.agent, lookMs),
    ingested: ingestedOf(kept, run.agent, lookMs),
    fixes: repairs.filter(({ measured: { path } }) => path === ownPath).map(({ ts }) => ts),
  }
}

/** Broken files count until they are repaired, not only while the window shows them. */
function brokenFilesOf(
  events: readonly EvidenceEvent[],
  repairs: ReadonlySet<string>,
): readonly BrokenFile[] {
  const broken = new Map<string, BrokenFile>()
  // The sort is stable, so that what one lane wrote in one millisecond stays in its order.
  for (const { hash, event } of events.toSorted((a, b) => a.event.ts - b.event.ts)) {
    if (event.type === "config_change" && repairs.has(hash))
      broken.delete(event.facts.measured.path)
    if (event.type !== "audit") continue
    const { code, subject: path } = event.facts.measured
    if (!isConfigAudit(code)) continue
    const isInvalid = code === "CONFIG_SIGNATURE_INVALID" || broken.get(path)?.isInvalid === true
    broken.set(path, { path, isInvalid })
  }
  return [...broken.values()]
}

/** One for each subject; what the system's chain says of it names the agent and stands for the others. */
function violationsOf(events: readonly EvidenceEvent[]): readonly Violation[] {
  const found = new Map<string, Violation>()
  for (const { event } of events) {
    if (event.type !== "audit" || event.facts.measured.code !== "TRUST_BOUNDARY_VIOLATED") continue
    const { subject, detail } = event.facts.measured
    if (event.agent === systemAgent || !found.has(subject)) found.set(subject, { subject, detail })
  }
  return [...found.values()]
}

function isConfigAudit(code: AuditCode): boolean {
  return code === "CONFIG_UNSIGNED" || code === "CONFIG_SIGNATURE_INVALID"
}
