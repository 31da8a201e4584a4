import type { IntegrityFact, Report, ReportedQuestion, SessionMark } from "@amc/score"
import { utcDay } from "./utc.ts"

type Level = Report["overall"]
type Traces = NonNullable<Report["traces"]>

/** What stands beside every number: what it was measured under, and what it does not say. */
export function limitsOf({ posture, window, sessions }: Report): readonly string[] {
  return [
    `Measured in ${counted(sessions.opened, "session")} from ${utcDay(window.from_ms)} to ${utcDay(window.to_ms)}, under posture ${posture}, by facts that the monitor recorded. No text of the agent or of a model was judged.`,
    "It does not guarantee that an answer was right, that the agent behaves so elsewhere or later, or anything about traffic that did not pass the gateway.",
  ]
}

export const postureTexts: Readonly<Record<Report["posture"], string>> = {
  measured: "in each session a probe tried the walls of the box before the agent began",
  declared: "the owner's signed config says that the agent is isolated; nothing measured it",
  shared: "the agent could have reached the monitor's keys",
}

export const labelTexts: Readonly<Record<Report["trust_label"], string>> = {
  "HIGH TRUST": "the evidence is whole, and independent witnesses vouch for its time",
  "LOW TRUST": "the evidence holds together; its time is the owner's own word",
  UNRELIABLE: "the evidence itself does not hold",
}

/** What an integrity fact is, for one and for many. */
export const factTexts: Readonly<Record<IntegrityFact, string>> = {
  missing: "events that the run names are missing",
  violation: "violations of the trust boundary",
  nothing: "nothing was captured in the window",
  shared: "sessions in which nothing kept the agent from the monitor's keys",
  declared: "sessions whose isolation is declared and was not measured",
  invalidFile: "signed files with an invalid signature",
  unsignedFile: "files that should be signed and are not",
  gap: "gaps in the recording",
  traceForged: "calls in the runtime's traces with a wrong receipt",
  traceLow: "few calls in the runtime's traces correlate with what was seen",
  unsealed: "sessions without a seal",
  loopbackUpstream: "sessions whose model provider is on this machine",
  unwitnessed: "no independent witness vouches for the time",
}

export const markTexts: Readonly<Record<SessionMark, string>> = {
  "not-started": "the agent never ran",
  "not-sealed": "not sealed",
  "not-whole": "not seen whole",
  gap: "a gap fell into it",
  "not-served": "no successful answer",
}

/** Why a question has its level, in a few sentences. */
export function whyOf(question: ReportedQuestion, unit = "session"): string {
  const { n, k, unknown, sessions, days } = question.units
  if (n === 0)
    return `Nothing that this question is about was seen, so it has no level.${capText(question)}`
  const failed = n - k - unknown
  const rest = [
    ...(failed === 0 ? [] : [`${failed} failed`]),
    ...(unknown === 0 ? [] : [`${unknown} unknown, which count like failures`]),
  ]
  const seen = `${k} of ${counted(n, unit)} passed${k === 0 ? "" : `, in ${counted(sessions, "session")} on ${counted(days, "day")}`}`
  const others = rest.length === 0 ? "" : `; ${rest.join(", ")}`
  return `${seen}${others}.${gateText(question)}${capText(question)}`
}

function gateText({ level, binding_gate: gate }: ReportedQuestion): string {
  if (level === "U") return ""
  if (level === 5 || gate === null) return " Every gate is passed."
  const reached =
    level === 0 ? "Not even level 1 is reached" : `Every gate up to level ${level} is passed`
  return ` ${reached}; the gate "${gate}" stops level ${level + 1}.`
}

/** A cap that stops the next level stands among what is missing already. */
function capText({ cap, missing }: ReportedQuestion): string {
  const causes = (cap?.causes ?? []).filter((cause) => missing.every(({ text }) => text !== cause))
  if (cap === null || causes.length === 0) return ""
  return ` Held at level ${cap.level} at most: ${causes.join("; ")}.`
}

/** What the missing evidence is for: `To reach level 2`. */
export function goalOf(level: Level): string {
  return level === "U" ? "To be rated" : `To reach level ${Math.min(level + 1, 5)}`
}

/** Said where today's evidence can't lead beyond the level. */
export function ceilingOf({ level, reachable }: ReportedQuestion): readonly string[] {
  if (reachable >= 5 || (level !== "U" && level < reachable)) return []
  return [`Level ${reachable} is the highest that today's evidence can reach in this window.`]
}

/** A level that somebody claims, or that claims alone would come to. */
export type Claimed = number | "U" | null

/** What an engine may tell of a level beside it; one that does not leaves it out. */
export interface Outlook {
  readonly bound_per_mille?: number | null
  readonly threshold?: number | null
  readonly clean_to_next?: number | null
  readonly fragile?: boolean
  readonly drops_at_ms?: number | null
}

/** What the share is surely good for, beside what the next level asks for; null where no share decides. */
export function boundOf({
  kind,
  bound_per_mille: bound = null,
  threshold = null,
}: ReportedQuestion & Outlook): string | null {
  if (bound === null) return null
  const is = kind === "cov" || kind === "time" ? "The share is" : "The share is surely at least"
  const asked = threshold === null ? "" : `; the next level asks for ${percent(threshold)}`
  return `${is} ${percent(bound)}${asked}.`
}

function percent(perMille: number): string {
  return `${perMille / 10} %`
}

/** What would change the level: more of the same, the loss of one session, time alone. */
export function outlookOf(
  question: ReportedQuestion & Outlook,
  unit = "session",
): readonly string[] {
  const { clean_to_next: clean = null, fragile = false, drops_at_ms: drops = null } = question
  return [
    ...(clean === null
      ? []
      : [`${counted(clean, `clean ${unit}`)} more, on enough days, would reach the next level.`]),
    ...(fragile ? ["The loss of one session or day would lower it."] : []),
    ...(drops === null ? [] : [`Without new evidence it drops on ${utcDay(drops)} by age alone.`]),
  ]
}

/** How far a claim lies above what was shown, an unknown level counting as 0. */
export function gapOf(level: Level, claimed: Claimed): number | null {
  return claimed === null || claimed === "U" ? null : claimed - (level === "U" ? 0 : level)
}

export function gapText(gap: number | null): string {
  if (gap === null) return "–"
  return gap > 0 ? `+${gap}` : String(gap)
}

/** What the calls in an agent's own traces were found to be, in the order of the table. */
export function traceCounts(traces: Traces): readonly (readonly [string, number])[] {
  return [
    ["correlated with what the gateway saw", traces.correlated],
    ["without a receipt", traces.no_receipt],
    ["with a receipt that the monitor did not sign", traces.receipt_invalid],
    ["with a receipt of an event that is not there", traces.event_not_found],
    ["with another body than was recorded", traces.body_mismatch],
    ["of another agent", traces.agent_mismatch],
    ["with a receipt that was used before", traces.replayed],
  ]
}

/** The same in one sentence, with nothing that did not happen. */
export function traceText(traces: Traces): string {
  const found = traceCounts(traces).filter(([, count]) => count > 0)
  return `Of ${counted(traces.calls, "call")} in the agent's own traces: ${found.map(([what, count]) => `${count} ${what}`).join(", ")}.`
}

/** What others' results weigh, in one sentence. */
export function ingestedText({ count, attested }: Report["ingested"]): string {
  return `${counted(count, "file")} of others' results came in, ${attested} of them attested by the auditor; the rest raises nothing.`
}

/** What holds the lowest questions back, the most common first. */
export function obstaclesOf({ overall, questions }: Report): readonly Obstacle[] {
  const lowest = questions.filter(({ level }) => level === overall)
  const found = new Map<string, string[]>()
  for (const { id, missing } of lowest)
    for (const { text } of missing) found.set(text, [...(found.get(text) ?? []), id])
  return [...found]
    .map(([text, ids]) => ({ text, questions: ids }))
    .sort((a, b) => b.questions.length - a.questions.length)
}

/** One thing to do, and the questions that wait for it. */
export interface Obstacle {
  readonly text: string
  readonly questions: readonly string[]
}

/** `1 session`, `2 sessions`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`
}

/** What each claimant said of a question: `agent 5, vendor 3`. */
export function claimantsOf({ claims }: ReportedQuestion): string {
  return claims.map(({ by, level }) => `${by} ${level}`).join(", ")
}

/** The command by which the owner proves that an event is in the ledger. */
export function proveCommand({ hash, lseq }: { hash: string; lseq: number }): string {
  return `amc ledger prove ${hash} --out event-${lseq}.tlog-proof`
}

/** The commands by which a reader checks what is said here. */
export function checkCommands(run: string, root: string): readonly (readonly [string, string])[] {
  return [
    [`amc run verify ${run}`, "the owner: rebuilds the report from the ledger, byte for byte"],
    ["amc verify", "the owner: every event, signature, chain and seal of the workspace"],
    [
      `amc bundle verify <file> --root sha256:${root}`,
      "anybody who has the run's bundle: the same offline, against the pinned root",
    ],
    [
      `amc ledger verify-proof <file> --root sha256:${root}`,
      "anybody who has an event's proof: that this event is in the ledger",
    ],
  ]
}
