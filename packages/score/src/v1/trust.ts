import type { JudgedSession } from "./judged-session.ts"
import { forgedIn, isLow } from "./trace.ts"
import type { Violation, Window } from "./window.ts"

/** How far the numbers can be trusted, before anybody looks at them. */
export interface Trust {
  readonly status: "VALID" | "INVALID"
  /** In plain words, the most important first. */
  readonly status_reasons: readonly string[]
  readonly posture: "measured" | "declared" | "shared"
  readonly trust_label: "LOW TRUST" | "UNRELIABLE"
  readonly integrity_index: number
}

/** What a fact about the evidence costs, and how many times at most. */
interface Cost {
  readonly points: number
  readonly times?: number
}

const costs = {
  missing: { points: 100 },
  violation: { points: 100 },
  nothing: { points: 60 },
  shared: { points: 60 },
  /** The owner says so, and nothing measured it. */
  declared: { points: 20 },
  invalidFile: { points: 40 },
  unsignedFile: { points: 20 },
  gap: { points: 10, times: 3 },
  /** A call in a trace with a forged receipt, an altered body, another's or a used receipt. */
  traceForged: { points: 10, times: 3 },
  traceLow: { points: 10 },
  unsealed: { points: 10, times: 4 },
  loopbackUpstream: { points: 10 },
  /** This engine knows no witnesses: time is self-asserted, and nothing can be HIGH TRUST. */
  unwitnessed: { points: 10 },
} as const satisfies Record<string, Cost>

/** A fact that weakens the evidence. */
export type IntegrityFact = keyof typeof costs

/** What a fact costs the integrity index; all of them may come to more than it has. */
export interface Loss {
  readonly fact: IntegrityFact
  readonly count: number
  readonly points: number
}

/** Judges the evidence itself: whether it is whole, and whether the agent was kept apart from the keys. */
export function trustOf(window: Window, missing: number): Trust {
  const wrong = invalidReasons(window, missing)
  const index = integrityIndex(window, missing)
  const ran = window.sessions.filter(({ mayHaveRun }) => mayHaveRun)
  return {
    status: wrong.length === 0 ? "VALID" : "INVALID",
    status_reasons: wrong.length === 0 ? [fineText(ran)] : wrong,
    posture: postureOf(ran),
    trust_label: wrong.length > 0 || index < 50 ? "UNRELIABLE" : "LOW TRUST",
    integrity_index: index,
  }
}

/** The lowest of the sessions in which the agent may have run. */
function postureOf(ran: readonly JudgedSession[]): Trust["posture"] {
  if (ran.length === 0 || ran.some(isExposed)) return "shared"
  return ran.every(({ isIsolated }) => isIsolated) ? "measured" : "declared"
}

function isExposed({ isIsolated, isDeclared }: JudgedSession): boolean {
  return !isIsolated && !isDeclared
}

function fineText(ran: readonly JudgedSession[]): string {
  const declared = ran.filter(({ isDeclared }) => isDeclared).length
  const sessions = sessionsText(ran.length)
  return declared === 0
    ? `the monitor measured in each of ${sessions} that the agent could not reach its keys${cutShortText(ran)}`
    : `in ${declared} of ${sessions} only the owner's signed config says that the agent could not reach the monitor's keys; nothing measured it`
}

/** What recovery sealed, the monitor did not see to its end. */
function cutShortText(ran: readonly JudgedSession[]): string {
  const count = ran.filter(({ isClosed }) => !isClosed).length
  return count === 0 ? "" : `, in ${count} of them only until it died itself`
}

/** Whether no session of the window itself, what is only looked back on left aside, may have run. */
function isNothing({ sessions, fromMs }: Window): boolean {
  return !sessions.some(({ mayHaveRun, lastMs }) => mayHaveRun && lastMs >= fromMs)
}

function invalidReasons(window: Window, missing: number): readonly string[] {
  const { sessions, violations } = window
  const ran = sessions.filter(({ mayHaveRun }) => mayHaveRun)
  const open = ran.filter(isExposed)
  const exposed = open.filter(({ isClosed }) => isClosed).length
  const unseen = open.length - exposed
  const of = `of ${sessionsText(ran.length)}`
  const reasons = [
    violationText(violations),
    `the agent ran where it could reach the monitor's keys: ${exposed} ${of} had no isolation that was measured`,
    `nothing shows that the agent was kept from the monitor's keys to the end: ${unseen} ${of} ${unseen === 1 ? "was" : "were"} not sealed by the monitor that opened it`,
    `the evidence is not complete: ${missing} of the events that the run names are missing`,
    "nothing was captured in the window",
  ]
  const holds = [violations.length > 0, exposed > 0, unseen > 0, missing > 0, isNothing(window)]
  return reasons.filter((_, at) => holds[at])
}

function integrityIndex(window: Window, missing: number): number {
  const lost = lossesOf(window, missing).reduce((sum, { points }) => sum + points, 0)
  return Math.max(100 - lost, 0)
}

/** The facts that cost the integrity index points, in the order of the table. */
export function lossesOf(window: Window, missing: number): readonly Loss[] {
  const { sessions, gaps, violations, brokenFiles, traces } = window
  const ran = sessions.filter(({ mayHaveRun }) => mayHaveRun)
  const counts: Record<IntegrityFact, number> = {
    missing,
    violation: violations.length,
    nothing: isNothing(window) ? 1 : 0,
    shared: ran.filter(isExposed).length,
    declared: ran.filter(({ isDeclared }) => isDeclared).length,
    invalidFile: brokenFiles.filter(({ isInvalid }) => isInvalid).length,
    unsignedFile: brokenFiles.filter(({ isInvalid }) => !isInvalid).length,
    gap: gaps,
    traceForged: traces === null ? 0 : forgedIn(traces),
    traceLow: traces !== null && isLow(traces) ? 1 : 0,
    unsealed: sessions.filter(({ isSealed }) => !isSealed).length,
    loopbackUpstream: sessions.filter(({ providers }) => providers.some(({ loopback }) => loopback))
      .length,
    unwitnessed: 1,
  }
  const names = Object.keys(costs) as IntegrityFact[]
  return names
    .map((fact) => ({ fact, count: counts[fact], points: pointsOf(fact, counts[fact]) }))
    .filter(({ count }) => count > 0)
}

function pointsOf(fact: IntegrityFact, count: number): number {
  const { points, times = 1 }: Cost = costs[fact]
  return points * Math.min(count, times)
}

function sessionsText(count: number): string {
  return count === 1 ? "1 session" : `${count} sessions`
}

/** Whose session it was, which may be another agent's: the keys that it could read are all agents'. */
function violationText(violations: readonly Violation[]): string {
  const { subject, detail } = violations[0] ?? { subject: "", detail: "" }
  const others = violations.length - 1
  const more = others > 0 ? `, and ${others} ${others === 1 ? "other" : "others"} like it` : ""
  return `the trust boundary was violated in ${cut(subject, 128)}: ${cut(detail, 256)}${more}`
}

/** A reason of a report has at most 512 characters. */
function cut(text: string, length: number): string {
  return text.slice(0, length).toWellFormed()
}
