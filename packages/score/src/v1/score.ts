import type { EventBody } from "@amc/core"
import type { Bank } from "./bank.ts"
import { boldest, type Claim, claimedLayer, claimGapOf, Claims } from "./claim.ts"
import { type EvidenceEvent, openingOf } from "./evidence.ts"
import { type Explanation, explainV1 } from "./explain.ts"
import { shownFiles } from "./ingested.ts"
import { byText, daysAfter } from "./integer.ts"
import { layerLevel, overallLevel, type Rated } from "./layer.ts"
import { outlookOf } from "./outlook.ts"
import { decideAll, type Decided } from "./questions.ts"
import { reachableLevel } from "./reachable.ts"
import type { Report, ReportedQuestion } from "./report.ts"
import { sampleOf } from "./sampling.ts"
import { SessionFacts } from "./session-facts.ts"
import type { JudgedSession } from "./judged-session.ts"
import { trustOf } from "./trust.ts"
import type { Window } from "./window.ts"
import { WindowFold } from "./window-fold.ts"

/** The name of this engine, which runs and reports carry. */
export const engineV1 = "amc-score/v1"

/** Where to find the banks that this engine can be asked with. */
export type FindBank = (sha256: string) => Bank

/** What a report is made from. */
interface Study {
  readonly run: EventBody<"run_opened">
  readonly bank: Bank
  readonly window: Window
  /** The events that bear on more than a session. */
  readonly kept: readonly EvidenceEvent[]
  readonly missing: number
  readonly decided: ReadonlyMap<string, Decided>
}

/** Scores a run of which the events are told twice in order, as {@link WindowFold} asks for. */
export class RunScoreV1 {
  readonly #run: EventBody<"run_opened">
  readonly #bank: Bank
  readonly #fold: WindowFold

  /** @throws {@link AmcError} `run/unknown`, and what `findBank` throws. */
  constructor(runOpened: EvidenceEvent, findBank: FindBank) {
    this.#run = openingOf(runOpened)
    this.#bank = findBank(this.#run.facts.measured.bank_sha256)
    this.#fold = new WindowFold(this.#run, this.#bank)
  }

  look(event: EvidenceEvent): void {
    this.#fold.look(event)
  }

  take(event: EvidenceEvent): void {
    this.#fold.take(event)
  }

  /** No clock, no chance, no floats, so equal evidence gives equal bytes. */
  report(): Report {
    return reportOf(this.#decide())
  }

  /** Why one question has its level. @throws {@link AmcError} `score/unknown-question` */
  explain(question: string): Explanation {
    return explainV1(this.#decide(), question)
  }

  /** Decides every question. */
  #decide(): Study {
    const found = { ...this.#fold.window(), missing: this.#fold.missing }
    const decided = decideAll(decidable(found), this.#bank)
    return { run: this.#run, bank: this.#bank, ...found, decided }
  }
}

function reportOf(study: Study): Report {
  const { run, bank, window, missing, decided } = study
  const { agent, run_id, bank_sha256, window_from_ms, window_to_ms } = run.facts.measured
  const questions = reportAll(study)
  const layers = layersOf(bank, decided, questions)
  return {
    schema: "amc.report/v1",
    engine: engineV1,
    bank_sha256,
    agent,
    run_id,
    window: { from_ms: window_from_ms, to_ms: window_to_ms },
    stale_after_ms: daysAfter(window_to_ms, bank.stale_after_days),
    ...trustOf(window, missing),
    overall: overallLevel(layers.map(({ level }) => level)),
    layers,
    questions,
    sessions: countSessions(window, bank),
    claim_gap: claimGapOf(questions, layers),
    upstreams: upstreamsOf(window.sessions),
    traces: window.traces,
    ingested: shownFiles(window.ingested.filter(({ ts }) => ts >= window_from_ms)),
  }
}

/** Evidence with holes decides nothing, or leaving out a failure would raise a level. */
function decidable({ window, missing }: Pick<Study, "window" | "missing">): Window {
  if (missing === 0) return window
  return {
    ...window,
    sessions: [],
    ingested: [],
    own: new SessionFacts([]),
    system: new SessionFacts([]),
  }
}

function reportAll({ bank, window, kept, decided }: Study): readonly ReportedQuestion[] {
  const claims = new Claims(kept)
  return bank.layers.flatMap(({ name, questions }) =>
    questions.map(({ id }) => {
      const one = decided.get(id) as Decided
      const reachable = reachableLevel(one.question, bank, window.days)
      return reported(one, name, { claims: claims.of(id), reachable })
    }),
  )
}

function reported(
  { question, tally, terms, decision }: Decided,
  layer: string,
  { claims, reachable }: { claims: readonly Claim[]; reachable: number },
): ReportedQuestion {
  const { id, title, profile: kind } = question
  const { level, cap, units, missing, events } = decision
  const causes = cap?.causes.map(({ text }) => text) ?? []
  const shownCap = cap === null ? null : { level: cap.level, causes }
  const binding_gate = missing[0]?.gate ?? null
  const said = { claimed: boldest(claims), claims }
  const about = { id, layer, title, kind, level, ...said, reachable, cap: shownCap, units }
  return { ...about, binding_gate, missing, events, ...outlookOf(tally, terms, level) }
}

function layersOf(
  bank: Bank,
  decided: ReadonlyMap<string, Decided>,
  reports: readonly ReportedQuestion[],
): Report["layers"] {
  const claims = new Map(reports.map(({ id, claimed }) => [id, claimed]))
  return bank.layers.map(({ name, questions }) => ({
    name,
    level: layerLevel(questions.map(({ id }) => ratedOf(decided.get(id) as Decided))),
    claimed: claimedLayer(
      questions.map(({ id, high_risk: highRisk, occasional }) => ({
        highRisk,
        claimed: claims.get(id) ?? null,
        isOccasional: occasional === true,
      })),
    ),
  }))
}

function ratedOf({ question, tally, decision: { level } }: Decided): Rated {
  const rated = { level, highRisk: question.high_risk }
  if (question.occasional !== true) return rated
  return { ...rated, occasion: tally.missed.length > 0 ? "missed" : "none" }
}

function countSessions({ sessions: all, fromMs }: Window, bank: Bank): Report["sessions"] {
  const sessions = all.filter(({ lastMs }) => lastMs >= fromMs)
  const exposed = sessions.filter(({ isServed }) => isServed)
  const whole = exposed.filter(({ isSeenWhole }) => isSeenWhole)
  const counted = sampleOf(
    whole.map(({ id, day, firstMs, replayKey, lastHash }) => ({
      session: id,
      day,
      ms: firstMs,
      replayKey,
      tier: "OBSERVED",
      items: 1,
      hash: lastHash,
    })),
    bank.day_cap,
  )
  return {
    opened: sessions.length,
    sealed: sessions.filter(({ isSealed }) => isSealed).length,
    exposed: exposed.length,
    counted: counted.length,
    days: new Set(counted.map(({ day }) => day)).size,
  }
}

function upstreamsOf(sessions: readonly JudgedSession[]): Report["upstreams"] {
  const named = new Map(
    sessions
      .flatMap(({ providers }) => providers)
      .map((each) => [`${each.provider} ${each.upstream} ${each.loopback}`, each]),
  )
  return [...named].sort(([a], [b]) => byText(a, b)).map(([, upstream]) => upstream)
}
