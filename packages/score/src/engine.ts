import { AmcError } from "@amc/core"
import { bank1 } from "./v1/bank-1.ts"
import { type Bank, bankSha256 } from "./v1/bank.ts"
import { type EvidenceEvent, evidenceOf } from "./v1/evidence.ts"
import type { Explanation } from "./v1/explain.ts"
import type { Report } from "./v1/report.ts"
import { engineV1, RunScoreV1 } from "./v1/score.ts"
import { type Survey, surveyV1 } from "./v1/survey.ts"

/** The evidence of one run, at hand. */
export interface ScoreInput {
  /** The agent's complete slice and the system's, verified, in any order. */
  readonly events: readonly EvidenceEvent[]
  /** Event hash of the run's `run_opened`. */
  readonly runOpened: string
  /** The engine that the run names; the current one if it is left out. */
  readonly engine?: string
}

/** The engine that new runs are made with. */
export const engine: string = engineV1

/** The bank that new runs are made with. */
export const currentBank: Bank = bank1

/** Every bank that this program was shipped with, by its digest. */
export const shippedBanks: ReadonlyMap<string, Bank> = new Map([[bankSha256(bank1), bank1]])

/**
 * Scores a run without holding its events. They are verified, each told once to `look` and then, in the same order,
 * once to `take`: lane by lane, the lanes by their names, the events of a lane in theirs; what is not of the run's
 * evidence is passed over. What it holds grows with the sessions, with what was brought in beside them, and with the
 * events of those sessions that are open at one place of a lane.
 */
export interface RunScore {
  look(event: EvidenceEvent): void
  take(event: EvidenceEvent): void
  /** Made of facts; no signature is checked. Evidence with holes gives an INVALID report without levels. */
  report(): Report
  /** Why one question has its level: its units, its bound and its gates. @throws {@link AmcError} `score/unknown-question` */
  explain(question: string): Explanation
}

/** Released engines stay as they are, so that old runs rebuild. */
const engines: ReadonlyMap<string, (runOpened: EvidenceEvent) => RunScore> = new Map([
  [engineV1, (runOpened) => new RunScoreV1(runOpened, bankOf)],
])

/**
 * Begins to score a run, whose events are then told one by one, by the engine that it names.
 *
 * @throws {@link AmcError} `run/unknown` if it is not a run's first event, `score/unknown-bank`, `score/unknown-engine`
 */
export function beginScore(runOpened: EvidenceEvent, name: string = engine): RunScore {
  const begin = engines.get(name)
  if (begin !== undefined) return begin(runOpened)
  throw new AmcError("score/unknown-engine", `there is no engine ${name} here`)
}

/** {@link beginScore} with events that are at hand. @throws {@link AmcError} as that does */
export function scoreRun(input: ScoreInput): Report {
  return scored(input).report()
}

/** The same for one question. @throws {@link AmcError} `score/unknown-question`; as {@link beginScore} */
export function explainRun(input: ScoreInput, question: string): Explanation {
  return scored(input).explain(question)
}

function scored({ events: input, runOpened, engine: name }: ScoreInput): RunScore {
  const { run, events } = evidenceOf(input, runOpened)
  const score = beginScore({ hash: runOpened, event: run }, name)
  for (const each of events) score.look(each)
  for (const each of events) score.take(each)
  return score
}

/**
 * Surveys what lies behind a report. The report must be the one that {@link scoreRun} makes of this input.
 *
 * @throws {@link AmcError} `run/unknown`, `score/unknown-bank`
 */
export function surveyRun({ events, runOpened }: ScoreInput, report: Report): Survey {
  return surveyV1(events, runOpened, { report, bank: bankOf(report.bank_sha256) })
}

function bankOf(sha256: string): Bank {
  const bank = shippedBanks.get(sha256)
  if (bank !== undefined) return bank
  throw new AmcError("score/unknown-bank", `bank ${sha256} did not ship with this program`)
}
