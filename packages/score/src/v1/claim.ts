import type { EvidenceEvent } from "./evidence.ts"
import { decimal } from "./integer.ts"
import { type Level, rankOf } from "./question.ts"

/** How far claims lie above what was shown, over the questions that somebody claimed a level for. */
export interface ClaimGap {
  readonly questions: number
  /** With two decimals; negative where less was claimed than shown. */
  readonly mean: string
  readonly max: number
}

/**
 * The level that was last claimed for each question. It is shown beside the evidence and nothing in
 * this engine reads it otherwise.
 */
export function claimsOf(events: readonly EvidenceEvent[]): ReadonlyMap<string, number> {
  const claims = new Map<string, number>()
  const ingested = events.filter(({ event }) => event.type === "ingest")
  for (const { event } of ingested.sort((a, b) => a.event.ts - b.event.ts)) {
    if (event.type !== "ingest") continue
    const { question, level } = event.facts.reported
    claims.set(question, Math.min(level, 5))
  }
  return claims
}

/** The gap between claims and levels, an unknown level counting as 0; `null` where nothing was claimed. */
export function claimGapOf(
  questions: readonly { readonly level: Level; readonly claimed: number | null }[],
): ClaimGap | null {
  const gaps = questions.flatMap(({ level, claimed }) =>
    claimed === null ? [] : [claimed - rankOf(level)],
  )
  if (gaps.length === 0) return null
  const sum = gaps.reduce((total, gap) => total + gap, 0)
  return { questions: gaps.length, mean: decimal(sum, gaps.length), max: Math.max(...gaps) }
}
