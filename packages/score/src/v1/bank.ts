import { canonicalize, type JsonValue, sha256Hex, type Tier } from "@amc/core"
import type { Test } from "./bound.ts"

/** One value for each of the levels 1 to 5. */
export type PerLevel<T> = readonly [T, T, T, T, T]

/** How bad it is that something happened at all: each caps the level while it is in the window. */
export type Severity = "critical" | "high" | "medium"

/** The gates that questions of one kind share. Units, sessions and days are counted over what passed. */
export interface Profile {
  readonly test: Test
  readonly thresholds_per_mille: PerLevel<number>
  readonly units: PerLevel<number>
  readonly sessions: PerLevel<number>
  readonly days: PerLevel<number>
  /** Evidence of a lower tier is left out at that level. */
  readonly tiers: PerLevel<Tier>
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
  | { readonly level: number; readonly kind: "hardened" }

export interface Question {
  readonly id: string
  readonly title: string
  readonly high_risk: boolean
  readonly profile: "rate" | "inv" | "cov"
  readonly half_life_days: number
  /** What one unit of the question is. */
  readonly unit: "session" | "exchange"
  /** What is counted, over what. The engine's indicator of the same id decides. */
  readonly measures: string
  /** What has to be seen before the question has a level at all. */
  readonly exposure: string
  /** Replaces the profile's thresholds. */
  readonly thresholds_per_mille?: PerLevel<number>
  readonly needs: readonly Need[]
}

export interface Layer {
  readonly name: string
  readonly questions: readonly Question[]
}

/** The questions and their gates. It is data, named by its digest in every run. */
export interface Bank {
  readonly schema: "amc.bank/v1"
  readonly name: string
  /** So many sessions of one UTC day count as passed; failures have no limit. */
  readonly day_cap: number
  readonly stale_after_days: number
  readonly tier_weights_per_mille: Readonly<Record<Tier, number>>
  readonly veto_caps: Readonly<Record<Severity, number>>
  /** The cap while a signed file is unsigned or its signature is invalid. */
  readonly config_cap: number
  readonly profiles: Readonly<Record<Question["profile"], Profile>>
  readonly layers: readonly Layer[]
}

/** A bank's digest, by which runs name it. */
export function bankSha256(bank: Bank): string {
  return sha256Hex(canonicalize(bank as unknown as JsonValue))
}
