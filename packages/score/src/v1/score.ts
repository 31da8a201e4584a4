import type { Bank, Question } from "./bank.ts"
import { boldest, type Claim, claimedLayer, claimGapOf, Claims } from "./claim.ts"
import { type Evidence, type EvidenceEvent, evidenceOf } from "./evidence.ts"
import { type Indicator, judge, type Surroundings } from "./indicator.ts"
import { indicators } from "./indicators.ts"
import { judgedFiles, shownFiles } from "./ingested.ts"
import { byText, daysAfter } from "./integer.ts"
import { layerLevel, overallLevel } from "./layer.ts"
import { type Decision, decide } from "./question.ts"
import { reachableLevel } from "./reachable.ts"
import type { Report, ReportedQuestion } from "./report.ts"
import { sampleOf } from "./sampling.ts"
import { type Session, sessionTier } from "./session.ts"
import { tallyOf } from "./tally.ts"
import { trustOf } from "./trust.ts"
import { type Window, windowOf } from "./window.ts"

/** The name of this engine, which runs and reports carry. */
export const engineV1 = "amc-score/v1"

/** Where to find the banks that this engine can be asked with. */
export type FindBank = (sha256: string) => Bank

/**
 * Makes the report of a run from verified evidence: no clock, no chance, no floats, so equal evidence
 * gives equal bytes.
 *
 * @throws {@link AmcError} `run/unknown`, and what `findBank` throws.
 */
export function scoreV1(
  input: readonly EvidenceEvent[],
  runOpened: string,
  findBank: FindBank,
): Report {
  const evidence = evidenceOf(input, runOpened)
  const { agent, run_id, bank_sha256, window_from_ms, window_to_ms } = evidence.run.facts.measured
  const bank = findBank(bank_sha256)
  const window = windowOf(evidence)
  const questions = decideAll(evidence, window, bank)
  const layers = bank.layers.map((layer) => ({
    name: layer.name,
    level: levelOf(layer.questions, questions),
    claimed: claimedOf(layer.questions, questions),
  }))
  return {
    schema: "amc.report/v1",
    engine: engineV1,
    bank_sha256,
    agent,
    run_id,
    window: { from_ms: window_from_ms, to_ms: window_to_ms },
    stale_after_ms: daysAfter(window_to_ms, bank.stale_after_days),
    ...trustOf(window, evidence.missing),
    overall: overallLevel(layers.map(({ level }) => level)),
    layers,
    questions,
    sessions: countSessions(window, bank),
    claim_gap: claimGapOf(questions, layers),
    upstreams: upstreamsOf(window.sessions),
    traces: window.traces,
    ingested: shownFiles(window.ingested),
  }
}

function decideAll(evidence: Evidence, window: Window, bank: Bank): readonly ReportedQuestion[] {
  const claims = new Claims(evidence.events)
  // Evidence with holes decides nothing, or leaving out a failure would raise a level.
  const isWhole = evidence.missing === 0
  const sessions = isWhole ? window.sessions : []
  return bank.layers.flatMap((layer) =>
    layer.questions.map((question) => {
      const decision = decideOne(question, { sessions, window, isWhole }, bank)
      const claimed = claims.of(question.id)
      const reachable = reachableLevel(question, bank, window.days)
      return reported(question, layer.name, { decision, claims: claimed, reachable })
    }),
  )
}

function decideOne(
  question: Question,
  { sessions, window, isWhole }: { sessions: readonly Session[]; window: Window; isWhole: boolean },
  bank: Bank,
): Decision {
  const indicator = indicators.get(question.id) as Indicator
  const surroundings = surroundingsOf(sessions)
  const judged = sessions.map((session) => {
    const isSeenWhole = session.isWhole && !window.gapped.has(session.id)
    const items = judge(indicator, session, { window: surroundings, isSeenWhole })
    return { session, tier: sessionTier(session, indicator.reads), items }
  })
  const { brokenFiles, traces, ingested, today } = window
  const all = [...judged, ...judgedFiles(question.id, isWhole ? ingested : [])]
  const burden = { brokenFiles: brokenFiles.length, traces }
  return decide(tallyOf(question, all, bank), burden, bank, today)
}

function surroundingsOf(sessions: readonly Session[]): Surroundings {
  return {
    isAnswered: sessions.some(({ isAnswered }) => isAnswered),
    isChecked: sessions.some(({ facts }) => facts.has("outcome")),
  }
}

function reported(
  { id, title }: Question,
  layer: string,
  {
    decision,
    claims,
    reachable,
  }: { decision: Decision; claims: readonly Claim[]; reachable: number },
): ReportedQuestion {
  const { level, cap, units, missing, events } = decision
  const causes = cap?.causes.map(({ text }) => text) ?? []
  const shownCap = cap === null ? null : { level: cap.level, causes }
  const binding_gate = missing[0]?.gate ?? null
  return {
    id,
    layer,
    title,
    level,
    claimed: boldest(claims),
    claims,
    reachable,
    cap: shownCap,
    units,
    binding_gate,
    missing,
    events,
  }
}

function levelOf(
  questions: readonly Question[],
  decided: readonly ReportedQuestion[],
): ReportedQuestion["level"] {
  return layerLevel(
    questions.map(({ id, high_risk: highRisk }) => ({
      highRisk,
      level: decided.find((question) => question.id === id)?.level ?? "U",
    })),
  )
}

function claimedOf(
  questions: readonly Question[],
  decided: readonly ReportedQuestion[],
): ReportedQuestion["level"] | null {
  return claimedLayer(
    questions.map(({ id, high_risk: highRisk }) => ({
      highRisk,
      claimed: decided.find((question) => question.id === id)?.claimed ?? null,
    })),
  )
}

function countSessions({ sessions, gapped }: Window, bank: Bank): Report["sessions"] {
  const exposed = sessions.filter(({ isServed }) => isServed)
  const whole = exposed.filter(({ isWhole, id }) => isWhole && !gapped.has(id))
  const counted = sampleOf(
    whole.map(({ id, day, replayKey, lastHash }) => ({
      session: id,
      day,
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

function upstreamsOf(sessions: readonly Session[]): Report["upstreams"] {
  const opened = sessions.flatMap(({ facts }) => facts.measured("session_open"))
  const named = new Map(
    opened
      .flatMap(({ measured }) => measured.providers)
      .map((each) => [`${each.provider} ${each.upstream} ${each.loopback}`, each]),
  )
  return [...named].sort(([a], [b]) => byText(a, b)).map(([, upstream]) => upstream)
}
