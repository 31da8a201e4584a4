import type { Bank, Severity } from "./bank.ts"
import type { Tally } from "./tally.ts"

/** An upper bound on a level, with what causes it. */
export interface Cap {
  readonly level: number
  readonly causes: readonly {
    readonly gate: "veto" | "config"
    readonly level: number
    readonly have: number
    readonly text: string
  }[]
}

const severities: readonly Severity[] = ["critical", "high", "medium"]

/** The caps on a question, or `null`: broken files of the workspace and its own vetoes. */
export function capOf(tally: Tally, brokenFiles: number, bank: Bank): Cap | null {
  const causes = [...vetoCauses(tally, bank), ...configCauses(brokenFiles, bank)]
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
