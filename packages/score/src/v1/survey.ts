import { type Bank, type Question } from "./bank.ts"
import { evidenceOf, type EvidenceEvent } from "./evidence.ts"
import type { Report } from "./report.ts"
import { type SurveyedConfig, surveyConfigs } from "./survey-config.ts"
import { EventSurveyor, type SurveyedEvent } from "./survey-event.ts"
import { type SurveyedSession, worthShowing } from "./survey-session.ts"
import { type Loss, lossesOf } from "./trust.ts"
import type { Window } from "./window.ts"
import { windowOf } from "./window-fold.ts"

/** What a question asks, in the bank's own words. */
export interface SurveyedQuestion extends Pick<
  Question,
  "id" | "high_risk" | "half_life_days" | "why" | "measures" | "exposure" | "improve"
> {
  /** A noun, such as `session`. */
  readonly unit: string
}

/**
 * What lies behind a report, for people who follow it down to the events. It is derived from the same
 * evidence and is no part of the sealed bytes. Lists are cut where they say so.
 */
export interface Survey {
  readonly events_seen: number
  readonly run_opened: SurveyedEvent
  /** What the integrity index lost, and for what. */
  readonly losses: readonly Loss[]
  readonly questions: readonly SurveyedQuestion[]
  /** In the order of their opening: those with something to say against them first to be kept. */
  readonly sessions: readonly SurveyedSession[]
  readonly sessions_left_out: number
  /** The events that decided the questions, by the hashes that the report names. */
  readonly deciding: readonly SurveyedEvent[]
  /** Gaps and audits in the window, the newest kept. */
  readonly incidents: readonly SurveyedEvent[]
  readonly incidents_left_out: number
  readonly configs: readonly SurveyedConfig[]
}

const sessionsMax = 200
const incidentsMax = 100

/** Surveys the evidence of a report that was made from it. */
export function surveyV1(
  input: readonly EvidenceEvent[],
  runOpened: string,
  { report, bank }: { readonly report: Report; readonly bank: Bank },
): Survey {
  const { run, events } = evidenceOf(input, runOpened)
  const { window, missing } = windowOf({ run, events }, bank)
  const own = window.sessions.filter(({ lastMs }) => lastMs >= window.fromMs)
  const surveyor = new EventSurveyor(window.sessions)
  const named = new Set(report.questions.flatMap((question) => question.events))
  const incidents = events.filter(
    ({ event: { type, ts } }) => (type === "gap" || type === "audit") && ts >= window.fromMs,
  )
  const sessions = keptSessions(own)
  const kept = incidents.slice(-incidentsMax)
  return {
    events_seen: events.length,
    run_opened: surveyor.survey({ hash: runOpened, event: run }),
    losses: lossesOf(window, missing),
    questions: bank.layers.flatMap(({ questions }) => questions.map(surveyedQuestion)),
    sessions,
    sessions_left_out: own.length - sessions.length,
    deciding: events.filter(({ hash }) => named.has(hash)).map((each) => surveyor.survey(each)),
    incidents: kept.map((each) => surveyor.survey(each)),
    incidents_left_out: incidents.length - kept.length,
    configs: surveyConfigs(events),
  }
}

function surveyedQuestion(question: Question): SurveyedQuestion {
  const { id, high_risk, unit, half_life_days, why, measures, exposure, improve } = question
  return { id, high_risk, unit, half_life_days, why, measures, exposure, improve }
}

/** Those with a mark first, then the newest, put back in their order. */
function keptSessions(sessions: Window["sessions"]): readonly SurveyedSession[] {
  const all = sessions.map(({ surveyed }) => surveyed)
  const kept = new Set(all.toReversed().toSorted(worthShowing).slice(0, sessionsMax))
  return all.filter((session) => kept.has(session))
}
