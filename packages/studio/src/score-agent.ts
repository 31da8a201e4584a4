import { agentConfigPath, checkAgentId, ensureAgentConfig, limitsOf } from "./agent-config.ts"
import { auditFlaw, type Capture, configEvent } from "./capture.ts"
import { isUnrecorded } from "./config-history.ts"
import { ingestClaims } from "./ingest/ingest-claims.ts"
import { makeRun, type SealedRun } from "./run.ts"
import { runSession } from "./session.ts"
import type { SessionResult, SessionTerms } from "./session-terms.ts"
import { AmcError } from "@amc/core"

/** What to score: an agent's command, and how often and where to run it. */
export interface ScoreTerms extends Omit<SessionTerms, "limits" | "number"> {
  readonly sessions: number
  /** A file of claims to show beside the evidence. */
  readonly claims: string | null
  readonly windowDays: number
  readonly onSession: (number: number, result: SessionResult) => void
}

export interface Scored extends SealedRun {
  readonly sessions: readonly SessionResult[]
}

/**
 * Runs an agent for some sessions and scores it on the whole window, older sessions included.
 *
 * @throws {@link AmcError} `run/interrupted`; as {@link runSession} and {@link makeRun}
 */
export async function scoreAgent(capture: Capture, terms: ScoreTerms): Promise<Scored> {
  const limits = await agentLimits(capture, terms.agent)
  if (terms.claims !== null) await ingestClaims(capture, terms.agent, terms.claims)
  const sessions: SessionResult[] = []
  for (let number = 1; number <= terms.sessions && !terms.signal.aborted; number++) {
    const result = await runSession(capture, { ...terms, limits, number })
    sessions.push(result)
    terms.onSession(number, result)
  }
  if (terms.signal.aborted)
    throw new AmcError("run/interrupted", "the sessions were stopped, so no run was made", {
      hint: "what was recorded stays; 'amc run' scores it",
    })
  return {
    sessions,
    ...(await makeRun(capture, { agent: terms.agent, windowDays: terms.windowDays })),
  }
}

/** The agent's limits from its signed config, which a new agent gets. */
export async function agentLimits(
  capture: Capture,
  agent: string,
): Promise<SessionTerms["limits"]> {
  const { workspace, notary, recorder, configHistory: history } = capture
  checkAgentId(agent)
  const judged = capture.configs.get(agentConfigPath(agent))
  if (judged !== undefined) return limitsOf(judged)
  const found = await ensureAgentConfig(workspace, agent, notary, capture.clock())
  if (isUnrecorded(found, history)) await recorder.record(configEvent(found))
  await auditFlaw(capture, found)
  return limitsOf(found)
}
