import { AmcError } from "@amc/core"
import { bank1 } from "./v1/bank-1.ts"
import { type Bank, bankSha256 } from "./v1/bank.ts"
import type { EvidenceEvent } from "./v1/evidence.ts"
import { type Explanation, explainV1 } from "./v1/explain.ts"
import type { Report } from "./v1/report.ts"
import { engineV1, RunScoreV1, scoreV1 } from "./v1/score.ts"
import { type Survey, surveyV1 } from "./v1/survey.ts"

/** The evidence of one run. */
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
  /** The same report as {@link scoreRun} makes. */
  report(): Report
}

interface Engine {
  readonly begin: (runOpened: EvidenceEvent) => RunScore
  readonly score: (input: ScoreInput) => Report
  readonly explain: (input: ScoreInput, question: string) => Explanation
}

/** Released engines stay as they are, so that old runs rebuild. */
const engines: ReadonlyMap<string, Engine> = new Map([
  [
    engineV1,
    {
      begin: (runOpened) => new RunScoreV1(runOpened, bankOf),
      score: ({ events, runOpened }) => scoreV1(events, runOpened, bankOf),
      explain: ({ events, runOpened }, question) => explainV1(events, runOpened, bankOf, question),
    },
  ],
])

/**
 * Makes the report of a run. The events must be verified: this reads their facts and checks no
 * signature. Evidence with holes gives an INVALID report without levels.
 *
 * @throws {@link AmcError} `run/unknown`, `score/unknown-bank`, `score/unknown-engine`
 */
export function scoreRun(input: ScoreInput): Report {
  return engineOf(input).score(input)
}

/**
 * Begins to score a run by the current engine, whose events are then told one by one.
 *
 * @throws {@link AmcError} `run/unknown` if it is not a run's first event, `score/unknown-bank`
 */
export function beginScore(runOpened: EvidenceEvent): RunScore {
  return engineOf({ events: [], runOpened: runOpened.hash }).begin(runOpened)
}

/**
 * Says why one question of a run has its level: its units, its bound and its gates. The events must be
 * verified, as for {@link scoreRun}.
 *
 * @throws {@link AmcError} `score/unknown-question`; as {@link scoreRun}
 */
export function explainRun(input: ScoreInput, question: string): Explanation {
  return engineOf(input).explain(input, question)
}

function engineOf({ engine: name = engine }: ScoreInput): Engine {
  const found = engines.get(name)
  if (found !== undefined) return found
  throw new AmcError("score/unknown-engine", `there is no engine ${name} here`)
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
