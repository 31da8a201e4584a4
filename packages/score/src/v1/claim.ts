import { type Claimant, claimants } from "@amc/core"
import type { EvidenceEvent } from "./evidence.ts"
import { byText, decimal } from "./integer.ts"
import { layerLevel, overallLevel } from "./layer.ts"
import { rankOf } from "./question.ts"
import type { Level } from "./level.ts"

/** The level that somebody last claimed for a question. */
export interface Claim {
  readonly by: Claimant
  readonly level: number
}

/** What the bank's rules give for the claims alone, beside what they give for the evidence. */
export interface ClaimGap {
  /** So many questions somebody claimed a level for; the others are left out of `mean` and `max`. */
  readonly questions: number
  /** With two decimals; negative where less was claimed than shown. */
  readonly mean: string
  readonly max: number
  /** The overall level that the claims would come to. */
  readonly overall: Level
}

interface Claimed {
  readonly highRisk: boolean
  /** An occasional question says nothing of its layer before something of it went badly. */
  readonly isOccasional?: boolean
  readonly claimed: number | null
}

/** What is claimed for each question; nothing in this engine that decides a level reads it. */
export class Claims {
  readonly #levels = new Map<string, number>()
  readonly #rest = new Map<Claimant, number>()

  /** The last word of each claimant counts, whatever lane it is in. */
  constructor(events: readonly EvidenceEvent[]) {
    for (const { event } of events.toSorted(byTime)) {
      if (event.type !== "claim") continue
      const { by, overall, levels } = event.facts.reported
      if (overall !== null) this.#rest.set(by, overall)
      for (const { question, level } of levels) this.#levels.set(`${by} ${question}`, level)
    }
  }

  /** In the order of the claimants. */
  of(question: string): readonly Claim[] {
    return claimants.flatMap((by) => {
      const level = this.#levels.get(`${by} ${question}`) ?? this.#rest.get(by)
      return level === undefined ? [] : [{ by, level }]
    })
  }
}

/** The boldest of the claims, or `null`. */
export function boldest(claims: readonly Claim[]): number | null {
  return claims.length === 0 ? null : Math.max(...claims.map(({ level }) => level))
}

/** The level that a layer would have by claims alone; `null` where nothing is claimed in it. */
export function claimedLayer(questions: readonly Claimed[]): Level | null {
  if (questions.every(({ claimed }) => claimed === null)) return null
  return layerLevel(
    questions
      .filter(({ isOccasional }) => isOccasional !== true)
      .map(({ highRisk, claimed }) => ({ highRisk, level: (claimed ?? "U") as Level })),
  )
}

/** The gap between claims and levels, an unknown level counting as 0; `null` where nothing was claimed. */
export function claimGapOf(
  questions: readonly { readonly level: Level; readonly claimed: number | null }[],
  layers: readonly { readonly claimed: Level | null }[],
): ClaimGap | null {
  const gaps = questions.flatMap(({ level, claimed }) =>
    claimed === null ? [] : [claimed - rankOf(level)],
  )
  if (gaps.length === 0) return null
  const sum = gaps.reduce((total, gap) => total + gap, 0)
  return {
    questions: gaps.length,
    mean: decimal(sum, gaps.length),
    max: Math.max(...gaps),
    overall: overallLevel(layers.map(({ claimed }) => claimed ?? "U")),
  }
}

function byTime(a: EvidenceEvent, b: EvidenceEvent): number {
  return (
    a.event.ts - b.event.ts || byText(a.event.lane, b.event.lane) || a.event.lseq - b.event.lseq
  )
}
