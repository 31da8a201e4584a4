import type { Tier } from "@amc/core"
import type { Severity } from "./bank.ts"

export type Outcome = "pass" | "fail" | "unknown"

/** One unit of a question, decided; or several that went alike. */
export interface Item {
  readonly outcome: Outcome
  /** How many units it stands for; one if it is left out. */
  readonly count?: number
  /** How many minutes went at one go, of which this may be a part. */
  readonly stretch?: number
  /** Hashes of the events that decided; the session's seal stands for it if there are none. */
  readonly events?: readonly string[]
  readonly veto?: Severity
}

/** Where units come from: a session, a day, or a file of others. */
export interface Place {
  readonly id: string
  readonly day: number
  readonly firstMs: number
  readonly lastMs: number
  /** Equal for a session that is played again. */
  readonly replayKey: string
  /** The event that stands for it. */
  readonly lastHash: string
}

/** A place with the items that it adds to a question, and their tier. */
export interface Judged {
  readonly session: Place
  readonly tier: Tier
  readonly items: readonly Item[]
}
