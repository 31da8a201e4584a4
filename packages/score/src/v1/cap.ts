import type { Bank, Severity } from "./bank.ts"
import type { Tally } from "./tally.ts"
import { forgedIn, isLow, type TraceSummary } from "./trace.ts"

/** One thing that holds a level down. */
export interface CapCause {
  readonly gate: "veto" | "config" | "trace"
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

/** What weighs on every question, or on each that needs high trust. */
export interface Burden {
  readonly brokenFiles: number
  readonly traces: TraceSummary | null
}

/** The caps on a question, or `null`: its own vetoes, broken files of the workspace, traces that do not hold. */
export function capOf(tally: Tally, { brokenFiles, traces }: Burden, bank: Bank): Cap | null {
  const { high_risk: needsTrust } = tally.question
  const causes = [
    ...vetoCauses(tally, bank),
    ...configCauses(brokenFiles, bank),
    ...(needsTrust && traces !== null ? traceCauses(traces) : []),
  ]
  if (causes.length === 0) return null
  return { level: Math.min(...causes.map(({ level }) => level)), causes }
}

function vetoCauses({ missed }: Tally, bank: Bank): Cap["causes"] {
  return severities.flatMap((severity) => {
    const have = missed.filter(({ veto }) => veto === severity).length
    const level = bank.veto_caps[severity]
    const text = `${have} ${severity} ${have === 1 ? "breach" : "breaches"} in the window: at most level ${level}`
    return have === 0 ? [] : [{ gate: "veto", level, have, text } as const]
  })
}

function configCauses(brokenFiles: number, bank: Bank): Cap["causes"] {
  if (brokenFiles === 0) return []
  const files = brokenFiles === 1 ? "1 file is" : `${brokenFiles} files are`
  const text = `${files} unsigned or wrongly signed: at most level ${bank.config_cap} until repaired`
  return [{ gate: "config", level: bank.config_cap, have: brokenFiles, text }]
}

/** The caps while the runtime's own word of its calls is not what the monitor saw (S7). */
const traceCaps = { forged: 2, low: 3 } as const

/** What traces hold the questions at that need high trust. */
function traceCauses(traces: TraceSummary): readonly CapCause[] {
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
