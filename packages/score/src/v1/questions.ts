import { type Bank, type Question, questionsOf } from "./bank.ts"
import { type Burden, type CapCause, configCauses, darkCauses, traceCauses } from "./cap.ts"
import type { Indicator, MeasuredWindow } from "./indicator.ts"
import { indicators } from "./indicators.ts"
import { judgedFiles } from "./ingested.ts"
import { type Decision, decide, type Terms } from "./question.ts"
import { missedOfAll, type Tally, tallyOf, unitsOf } from "./tally.ts"
import type { Window } from "./window.ts"
import type { Level } from "./level.ts"
import type { Judged } from "./judged.ts"

/** A question with all that decided it. */
export interface Decided {
  readonly question: Question
  readonly judged: readonly Judged[]
  readonly tally: Tally
  readonly terms: Terms
  readonly decision: Decision
}

/**
 * Decides every question of a bank on what a window holds, those first that no other has to wait for. Each is
 * found under its id.
 */
export function decideAll(window: Window, bank: Bank): ReadonlyMap<string, Decided> {
  const tallies = new Map(
    questionsOf(bank).map((question) => {
      const judged = judgedOf(question, window)
      return [question.id, { judged, tally: tallyOf(question, judged, bank) }]
    }),
  )
  const burden = burdenOf(window, tallies.get(bank.dark_question)?.tally, bank)
  const levels = new Map<string, Level>()
  const terms: Terms = { bank, today: window.today, burden, fixes: window.fixes, levels }
  const decided = new Map<string, Decided>()
  for (const question of inOrder(questionsOf(bank))) {
    const { judged, tally } = tallies.get(question.id) as {
      judged: readonly Judged[]
      tally: Tally
    }
    const decision = decide(tally, terms)
    levels.set(question.id, decision.level)
    decided.set(question.id, { question, judged, tally, terms, decision })
  }
  return decided
}

/** A question after those that its needs name; a bank's needs name no question that has such needs itself. */
function inOrder(questions: readonly Question[]): readonly Question[] {
  const waits = ({ needs }: Question): boolean => needs.some(({ kind }) => kind === "question")
  return questions.toSorted((a, b) => Number(waits(a)) - Number(waits(b)))
}

function burdenOf(window: Window, dark: Tally | undefined, bank: Bank): Burden {
  const { brokenFiles, traces } = window
  return {
    everywhere: [...configCauses(brokenFiles.length, bank), ...darkOf(dark, bank)],
    highRisk: traces === null ? [] : traceCauses(traces),
  }
}

function darkOf(tally: Tally | undefined, bank: Bank): readonly CapCause[] {
  if (tally === undefined) return []
  const { passed, missed } = tally
  const dark = missed.filter(({ outcome }) => outcome === "fail").length
  const exchanges = { seen: unitsOf(passed), unseen: missedOfAll(missed) }
  return darkCauses(
    [
      { ...exchanges, words: "exchanges were not seen to their end" },
      { seen: passed.length, unseen: dark, words: "sessions ran without an exchange" },
    ],
    bank,
  )
}

/**
 * What the window holds for a question. What passed before its start is left out, and what passed after its end, by a
 * clock that runs ahead and would keep it new for ever; what did not pass is not.
 */
function judgedOf({ id }: Question, window: Window): readonly Judged[] {
  const indicator = indicators.get(id) as Indicator
  const judged =
    "spans" in indicator ? indicator.spans(measuredWindow(window)) : sessionsJudged(id, window)
  return judged.map((each) =>
    each.session.lastMs >= window.fromMs && each.session.lastMs <= window.toMs
      ? each
      : { ...each, items: each.items.filter(({ outcome }) => outcome !== "pass") },
  )
}

function sessionsJudged(id: string, { sessions, ingested }: Window): readonly Judged[] {
  const judged = sessions.flatMap((session) => session.judged.get(id) ?? [])
  return [...judged, ...judgedFiles(id, ingested)]
}

function measuredWindow(window: Window): MeasuredWindow {
  const { lookMs, fromMs, toMs, own, system, sessions, surroundings } = window
  return {
    lookMs,
    fromMs,
    toMs,
    isAnswered: surroundings.isAnswered,
    sessions,
    own: (type) => own.measured(type),
    system: (type) => system.measured(type),
  }
}
