import { type Bank, gatesOf, type Severity } from "./bank.ts"
import type { Missed, Tally } from "./tally.ts"
import { forgedIn, isLow, type TraceSummary } from "./trace.ts"

/** One thing that holds a level down. */
export interface CapCause {
  readonly gate: "veto" | "config" | "dark" | "trace"
  readonly level: number
  readonly have: number
  readonly text: string
}

/** An upper bound on a level, with what causes it. */
export interface Cap {
  readonly level: number
  readonly causes: readonly CapCause[]
}

const severities: readonly Severity[] = ["critical", "high", "medium"]

/** What weighs on questions whatever they ask. */
export interface Burden {
  readonly everywhere: readonly CapCause[]
  /** On each question that needs high trust. */
  readonly highRisk: readonly CapCause[]
}

/** The caps on a question, or `null`: its own vetoes, and those on every question or on those of high risk. */
export function capOf(
  tally: Tally,
  { everywhere, highRisk }: Burden,
  fixes: readonly number[],
  bank: Bank,
): Cap | null {
  const shared = tally.question.high_risk ? [...everywhere, ...highRisk] : everywhere
  const causes = [...vetoCauses(tally, fixes, bank), ...shared]
  if (causes.length === 0) return null
  return { level: Math.min(...causes.map(({ level }) => level)), causes }
}

/** Whether a breach was cured: a signed change after it, and then enough that passed on enough days. */
function curedBy(
  { passed }: Pick<Tally, "passed">,
  fixes: readonly number[],
  { cure }: Bank,
): (breach: Pick<Missed, "lastMs">) => boolean {
  const enough = new Map<number, boolean>()
  const isEnough = (fixed: number): boolean => {
    const clean = passed.filter(({ ms }) => ms > fixed)
    return clean.length >= cure.sessions && new Set(clean.map(({ day }) => day)).size >= cure.days
  }
  return ({ lastMs }) => {
    const fixed = fixes.find((ms) => ms > lastMs)
    if (fixed === undefined) return false
    // Many breaches wait for one fix.
    const known = enough.get(fixed) ?? isEnough(fixed)
    enough.set(fixed, known)
    return known
  }
}

function vetoCauses(tally: Tally, fixes: readonly number[], bank: Bank): readonly CapCause[] {
  const caps = gatesOf(tally.question, bank).veto_caps
  if (caps === undefined) return []
  const vetoes = tally.missed.filter(({ veto }) => veto !== undefined)
  const isCured = curedBy(tally, fixes, bank)
  const standing = vetoes.filter((each) => !isCured(each))
  const cured = vetoes.length - standing.length
  const causes = severities.flatMap((severity): CapCause[] => {
    const have = standing.filter(({ veto }) => veto === severity).length
    const level = caps[severity]
    const text = `${breachesText(have, severity)} in the window: at most level ${level}${cureText(bank)}`
    return have === 0 ? [] : [{ gate: "veto", level, have, text }]
  })
  if (cured === 0) return causes
  const { cap: level } = bank.cure
  const text = `${breachesText(cured, "cured")} in the window: at most level ${level}`
  return [...causes, { gate: "veto", level, have: cured, text }]
}

function breachesText(count: number, kind: string): string {
  return `${count} ${kind} ${count === 1 ? "breach" : "breaches"}`
}

function cureText({ cure: { sessions, days } }: Bank): string {
  return `, until the agent's config is signed anew and ${sessions} sessions on ${days} days have passed after it`
}

/** What broken files of the workspace hold every question at. */
export function configCauses(brokenFiles: number, bank: Bank): readonly CapCause[] {
  if (brokenFiles === 0) return []
  const files = brokenFiles === 1 ? "1 file is" : `${brokenFiles} files are`
  const text = `${files} unsigned or wrongly signed: at most level ${bank.config_cap} until repaired`
  return [{ gate: "config", level: bank.config_cap, have: brokenFiles, text }]
}

/** How much was seen of what should have been, in sessions or in exchanges. */
export interface Coverage {
  readonly seen: number
  readonly unseen: number
  /** What happened to those that were not seen. */
  readonly words: string
}

/**
 * What was not seen holds every question at: a part of the traffic is dark. Each way of counting holds by itself,
 * or many calls in the sessions that are seen would hide those that are not.
 */
export function darkCauses(
  coverages: readonly Coverage[],
  { dark_caps: caps }: Bank,
): readonly CapCause[] {
  return coverages.flatMap(({ seen, unseen, words }) => {
    const all = seen + unseen
    const found = caps.filter(({ above_per_mille: above }) => unseen * 1000 > above * all)
    if (found.length === 0) return []
    const level = Math.min(...found.map(({ cap }) => cap))
    const text = `${unseen} of ${all} ${words}: at most level ${level}`
    return [{ gate: "dark" as const, level, have: unseen, text }]
  })
}

/** The caps while the runtime's own word of its calls is not what the monitor saw (S7). */
const traceCaps = { forged: 2, low: 3 } as const

/** What traces hold the questions at that need high trust. */
export function traceCauses(traces: TraceSummary): readonly CapCause[] {
  const [forged, { calls, correlated }] = [forgedIn(traces), traces]
  const causes: CapCause[] = []
  if (forged > 0) {
    const text = `${forged} of ${calls} calls in traces bear what was forged, altered, used twice or is another agent's: at most level ${traceCaps.forged}`
    causes.push({ gate: "trace", level: traceCaps.forged, have: forged, text })
  }
  if (isLow(traces)) {
    const text = `${correlated} of ${calls} calls in traces correlate with what was seen, fewer than 95 %: at most level ${traceCaps.low}`
    causes.push({ gate: "trace", level: traceCaps.low, have: calls - correlated, text })
  }
  return causes
}
