import { canonicalize, type JsonValue, sha256Hex, type Tier } from "@amc/core"
import type { Test } from "./bound.ts"

/** One value for each of the levels 1 to 5. */
export type PerLevel<T> = readonly [T, T, T, T, T]

/** How bad it is that something happened at all: each caps the level until it is cured. */
export type Severity = "critical" | "high" | "medium"

/**
 * The six kinds of questions: a rate of sessions, the same with vetoes, a plain share of all there was, an
 * assurance pack, drills that went well, and how long something held.
 */
export const kinds = ["rate", "inv", "cov", "pack", "drill", "time"] as const
export type Kind = (typeof kinds)[number]

/** The gates that questions of one kind share. Units, sessions and days are counted over what passed. */
export interface Profile {
  readonly test: Test
  /** In parts per 1000; for `count` the number of units that passed less those that did not. */
  readonly thresholds: PerLevel<number>
  readonly units: PerLevel<number>
  readonly sessions: PerLevel<number>
  readonly days: PerLevel<number>
  /** Evidence of a lower tier is left out at that level. */
  readonly tiers: PerLevel<Tier>
  /** What passed longer ago is left out at that level. */
  readonly max_age_days?: PerLevel<number> | undefined
  /** The longest time that something may have been broken at one go. */
  readonly max_breach_hours?: PerLevel<number> | undefined
  /** From this level on nothing critical may have failed. */
  readonly no_critical_from?: number | undefined
  /** The level that a breach of a severity holds a question at. */
  readonly veto_caps?: Readonly<Record<Severity, number>> | undefined
}

/** What a level asks for beside its numbers. */
export type Need =
  | {
      readonly level: number
      readonly kind: "pack"
      readonly pack: string
      readonly per_mille: number
    }
  | {
      readonly level: number
      readonly kind: "question"
      readonly question: string
      readonly at_least: number
    }
  | { readonly level: number; readonly kind: "fact"; readonly fact: string }
  | { readonly level: number; readonly kind: "hardened" }

/** The frameworks whose clauses a question may bear on. It never says that anything complies. */
export const frameworks = ["nist", "iso", "eu", "aiuc", "owasp", "atlas"] as const
export type BearsOn = Readonly<Record<(typeof frameworks)[number], readonly string[]>>

export interface Question {
  readonly id: string
  readonly title: string
  readonly high_risk: boolean
  readonly profile: Kind
  readonly half_life_days: number
  /** What one unit of the question is. */
  readonly unit: "session" | "exchange" | "day" | "minute" | "drill"
  /** It comes up only when something happens to the agent, so it can lower its layer and never raise it. */
  readonly occasional?: boolean | undefined
  readonly why: string
  /** What is counted, over what. The engine's indicator of the same id decides. */
  readonly measures: string
  /** What has to be seen before the question has a level at all. */
  readonly exposure: string
  readonly improve: string
  readonly bears_on: BearsOn
  /** These replace the profile's. */
  readonly thresholds?: PerLevel<number> | undefined
  readonly units?: PerLevel<number> | undefined
  readonly sessions?: PerLevel<number> | undefined
  readonly needs: readonly Need[]
}

export interface Layer {
  readonly name: string
  readonly questions: readonly Question[]
}

/** What lifts the cap of a breach: the agent's config signed anew after it, and then this much that passed. */
export interface Cure {
  readonly sessions: number
  readonly days: number
  /** The cap that stays while the breach is in the window. */
  readonly cap: number
}

/** A share of exchanges that nobody saw to their end, and what it holds every question at. */
export interface DarkCap {
  readonly above_per_mille: number
  readonly cap: number
}

/** The questions and their gates. It is data, named by its digest in every run. */
export interface Bank {
  readonly schema: "amc.bank/v1"
  readonly name: string
  /** So many sessions of one UTC day count as passed; failures have no limit. */
  readonly day_cap: number
  readonly stale_after_days: number
  /** What did not pass counts at least so far back, however short the window is. */
  readonly look_back_days: number
  readonly tier_weights_per_mille: Readonly<Record<Tier, number>>
  /** The cap while a signed file is unsigned or its signature is invalid. */
  readonly config_cap: number
  readonly dark_question: string
  readonly dark_caps: readonly DarkCap[]
  readonly cure: Cure
  readonly profiles: Readonly<Record<Kind, Profile>>
  readonly layers: readonly Layer[]
}

/** A bank's digest, by which runs name it. */
export function bankSha256(bank: Bank): string {
  return sha256Hex(canonicalize(bank as unknown as JsonValue))
}

/** All questions of a bank, layer by layer. */
export function questionsOf({ layers }: Bank): readonly Question[] {
  return layers.flatMap(({ questions }) => questions)
}

/** The gates of a question: its kind's, with its own in their place. */
export function gatesOf({ profile, thresholds, units, sessions }: Question, bank: Bank): Profile {
  const gates = bank.profiles[profile]
  return {
    ...gates,
    thresholds: thresholds ?? gates.thresholds,
    units: units ?? gates.units,
    sessions: sessions ?? gates.sessions,
  }
}
