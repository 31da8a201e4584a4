import type { ReportedFacts } from "@amc/core"
import type { Session } from "./session.ts"

/** What weakens a session as evidence. */
export type SessionMark = "not-started" | "not-sealed" | "not-whole" | "gap" | "not-served"

/** One session, for people. What it reports was written by the agent, a model or a tool. */
export interface SurveyedSession {
  readonly session: string
  readonly lane: string
  readonly first_lseq: number
  readonly last_lseq: number
  readonly last_ms: number
  /** The event that stands for it: its seal, or the last one there is. */
  readonly event: string
  readonly driver: string | null
  /** The reason of its seal, or `open`. */
  readonly end: string
  readonly posture: "hardened" | "isolated" | "declared" | "shared"
  readonly marks: readonly SessionMark[]
  readonly requests: number
  readonly successes: number
  readonly exit_code: number | null
  /** What the owner's check of its result said. */
  readonly check: "passed" | "failed" | null
  readonly reported: { readonly models: readonly string[]; readonly tools: readonly string[] }
}

const namesMax = 8

export function surveySession(session: Session, isGapped: boolean): SurveyedSession {
  const { facts } = session
  const answers = facts.measured("llm_response")
  return {
    session: session.id,
    lane: session.lane,
    first_lseq: session.firstLseq,
    last_lseq: session.lastLseq,
    last_ms: session.lastMs,
    event: session.lastHash,
    driver: facts.measured("session_open")[0]?.measured.driver ?? null,
    end: facts.measured("session_seal").at(-1)?.measured.reason ?? "open",
    posture: postureOf(session),
    marks: marksOf(session, isGapped),
    requests: facts.measured("llm_request").length,
    successes: answers.filter(
      ({ measured: { from_upstream, status } }) => from_upstream && status >= 200 && status < 300,
    ).length,
    exit_code: facts.measured("agent_process_exited").at(-1)?.measured.exit_code ?? null,
    check: checkOf(session),
    reported: reportedOf(session),
  }
}

/** Orders sessions for showing: those with more against them first. */
export function worthShowing(a: SurveyedSession, b: SurveyedSession): number {
  return doubtsOf(b) - doubtsOf(a)
}

function doubtsOf({ marks, posture, check }: SurveyedSession): number {
  return marks.length + (posture === "shared" ? 1 : 0) + (check === "failed" ? 1 : 0)
}

function postureOf({ isHardened, isIsolated, isDeclared }: Session): SurveyedSession["posture"] {
  if (isHardened) return "hardened"
  if (isIsolated) return "isolated"
  return isDeclared ? "declared" : "shared"
}

function marksOf(session: Session, isGapped: boolean): readonly SessionMark[] {
  if (!session.mayHaveRun) return ["not-started"]
  const holds: readonly [SessionMark, boolean][] = [
    ["not-sealed", !session.isSealed],
    ["not-whole", session.isSealed && !session.isWhole],
    ["gap", isGapped],
    ["not-served", !session.isServed],
  ]
  return holds.flatMap(([mark, is]) => (is ? [mark] : []))
}

function checkOf({ facts }: Session): SurveyedSession["check"] {
  const outcomes = facts.measured("outcome")
  if (outcomes.length === 0) return null
  return outcomes.every(({ measured }) => measured.passed) ? "passed" : "failed"
}

function reportedOf({ facts }: Session): SurveyedSession["reported"] {
  const said = <T extends "llm_request" | "llm_response">(type: T): readonly ReportedFacts<T>[] =>
    facts.reported(type).map(({ reported }) => reported)
  return {
    models: distinct([
      ...said("llm_request").map(({ model }) => model),
      ...said("llm_response").map(({ model }) => model),
    ]),
    tools: distinct(said("llm_response").flatMap(({ tool_names }) => tool_names)),
  }
}

function distinct(names: readonly string[]): readonly string[] {
  return [...new Set(names)].filter((name) => name !== "").slice(0, namesMax)
}
