import { AmcError, type Tier } from "@amc/core"
import type { Bank, Question } from "./bank.ts"
import { gatesAgainst, type Missing } from "./gate.ts"
import { quotient } from "./integer.ts"
import { type Outlook, outlookOf } from "./outlook.ts"
import { type Decision, rankOf, subjectOf } from "./question.ts"
import type { Decided } from "./questions.ts"
import { reachableLevel } from "./reachable.ts"
import { countedAt, passedWeight } from "./standing.ts"
import type { Item, Judged, Outcome } from "./judged.ts"
import type { Window } from "./window.ts"

/** One unit of a question, or several of one session that went alike, and what it was worth. */
export interface ExplainedUnit {
  readonly session: string
  /** The UTC day, counted from 1970. */
  readonly day: number
  readonly outcome: Outcome
  readonly count: number
  readonly tier: Tier
  /** Of a unit that counts, what each is worth today, in parts per 1000; null for one that does not count. */
  readonly weight_per_mille: number | null
  readonly events: readonly string[]
}

/** Why a question has the level that it has. */
export interface Explanation extends Outlook {
  readonly question: Question
  readonly level: Decision["level"]
  readonly reachable: number
  readonly cap: Decision["cap"]
  readonly binding_gate: string | null
  /** Each level with the gates that are shut; none means that it is passed. */
  readonly levels: readonly { readonly level: number; readonly missing: readonly Missing[] }[]
  readonly units: readonly ExplainedUnit[]
}

/** What of a run an explanation rests on. */
interface DecidedRun {
  readonly bank: Bank
  readonly window: Pick<Window, "days">
  readonly decided: ReadonlyMap<string, Decided>
}

const steps = [1, 2, 3, 4, 5] as const

/** Explains one question of a run that was decided. @throws {@link AmcError} `score/unknown-question` */
export function explainV1({ bank, window, decided }: DecidedRun, id: string): Explanation {
  const one = decided.get(id)
  if (one === undefined)
    throw new AmcError("score/unknown-question", `the run's bank asks no question ${id}`, {
      hint: `it asks ${[...decided.keys()].sort().join(", ")}`,
    })
  return explained(one, bank, reachableLevel(one.question, bank, window.days))
}

function explained(one: Decided, bank: Bank, reachable: number): Explanation {
  const { question, tally, terms, decision } = one
  const { level, cap, missing } = decision
  const next = Math.min(rankOf(level) + 1, 5)
  const subject = subjectOf(tally, terms)
  return {
    question,
    level,
    reachable,
    cap,
    binding_gate: missing[0]?.gate ?? null,
    levels: steps.map((each) => ({ level: each, missing: gatesAgainst(subject, each) })),
    units: unitsOf(one, next),
    ...outlookOf(tally, terms, level),
  }
}

/** Failures first, then what is unknown, then what passed; of each the newest first. */
function unitsOf(
  { question, tally, terms, judged }: Decided,
  level: number,
): readonly ExplainedUnit[] {
  const counted = new Map(
    countedAt(tally, level, terms.bank, terms.today).map((each) => [each.session, each]),
  )
  const worth = (session: string): number | null => {
    const found = counted.get(session)
    if (found === undefined) return null
    return quotient(passedWeight(found, question, terms.bank, terms.today), 1_000_000)
  }
  const order: readonly Outcome[] = ["fail", "unknown", "pass"]
  return judged
    .flatMap((each) => each.items.map((item) => unitOf(each, item, worth)))
    .toSorted((a, b) => order.indexOf(a.outcome) - order.indexOf(b.outcome) || b.day - a.day)
}

function unitOf(
  { session, tier }: Judged,
  { outcome, count = 1, events }: Item,
  worth: (session: string) => number | null,
): ExplainedUnit {
  const weight = outcome === "pass" ? worth(session.id) : 1000
  const { id, day, lastHash } = session
  const about = { session: id, day, outcome, count, tier, weight_per_mille: weight }
  return { ...about, events: events ?? [lastHash] }
}
