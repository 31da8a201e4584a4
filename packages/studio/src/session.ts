import { isFault, type MeasuredFacts } from "@amc/core"
import { openSession, sealSession } from "@amc/ledger"
import { inBox, removeTree } from "@amc/sandbox"
import { runBoxed } from "./boxed-agent.ts"
import type { Capture } from "./capture.ts"
import { checkWarnings } from "./check-files.ts"
import { requireCheckWords } from "./check-words.ts"
import { checkOutcome, notChecked } from "./check.ts"
import { noConnections } from "./connection-tally.ts"
import type { Exchanges } from "./exchange-tally.ts"
import { upstreamOf } from "./gateway-config.ts"
import { newSessionId } from "./ids.ts"
import type { AgentEnd, OpenedSession } from "./opened-session.ts"
import { runPlain } from "./plain-agent.ts"
import { commandSha256 } from "./program.ts"
import { openSessionGateway } from "./session-gateway.ts"
import { laySessionTripwires } from "./session-tripwires.ts"
import type { SessionResult, SessionTerms } from "./session-terms.ts"
import { auditBoundary, lowered, tripped } from "./trust-boundary.ts"
import { makeWork, type Work } from "./work-copy.ts"

/**
 * Runs one session of an agent: opened by the monitor before the agent exists, captured, checked by the
 * owner's command, sealed. Whatever goes wrong in between, the session is sealed and says so.
 *
 * @throws {@link AmcError} `sandbox/unavailable`, `sandbox/start-failed`, `store/unavailable`, `usage/invalid`
 */
export async function runSession(capture: Capture, terms: SessionTerms): Promise<SessionResult> {
  requireCheckWords(terms)
  const session = newSessionId()
  const work = makeWork(terms)
  let left: string | null = null
  let result: Omit<SessionResult, "warnings">
  try {
    result = await runOpened(capture, terms, session, work)
  } finally {
    if (work.isCopy) left = await removeTree(work.root)
  }
  return { ...result, warnings: [...checkWarnings(terms), ...(left === null ? [] : [left])] }
}

async function runOpened(
  capture: Capture,
  terms: SessionTerms,
  session: string,
  work: Work,
): Promise<Omit<SessionResult, "warnings">> {
  const { recorder } = capture
  const name = { agent: terms.agent, session }
  await openSession(recorder, name, openFacts(capture, terms, work.sha256))
  let end: AgentEnd = {
    reason: "interrupted",
    posture: "shared",
    hardened: false,
    exitCode: 1,
    reasons: [],
    lastWords: "",
  }
  let exchanges: Exchanges = { requests: 0, served: 0, troubles: [] }
  let connections = noConnections
  let check = notChecked
  let hasAgentEnded = false
  try {
    const opened = await openWith(capture, terms, session, work.dir)
    try {
      await auditBoundary(opened)
      end = lowered(opened, await runAgent(opened))
      hasAgentEnded = true
    } finally {
      await opened.gateway.close()
      await opened.tripwires?.close()
      end = tripped(end, opened.tripwires?.touched ?? [])
      exchanges = opened.gateway.exchanges()
      connections = opened.gateway.egress.connections()
    }
    check = await checkOutcome(opened)
  } catch (error) {
    if (!hasAgentEnded) end = failedEnd(error, end)
    throw error
  } finally {
    await sealSession(recorder, name, {
      reason: end.reason,
      posture: end.posture,
      hardened: end.hardened,
    })
  }
  return {
    session,
    exitCode: end.exitCode,
    posture: end.posture,
    hardened: end.hardened,
    reasons: end.reasons,
    check,
    exchanges,
    connections,
    lastWords: end.lastWords,
  }
}

function runAgent(opened: OpenedSession): Promise<AgentEnd> {
  return opened.terms.driver === "none" ? runPlain(opened) : runBoxed(opened)
}

async function openWith(
  capture: Capture,
  terms: SessionTerms,
  session: string,
  work: string,
): Promise<OpenedSession> {
  const tripwires =
    terms.driver === "none" ? null : await laySessionTripwires(capture, terms, session)
  const places = {
    gateway: `${inBox.gatewayHost}:${inBox.gatewayPort}`,
    egress: `${inBox.gatewayHost}:${inBox.egressPort}`,
  }
  const canary = tripwires?.canary ?? null
  const gateway = await openSessionGateway(capture, session, terms, places, canary).catch(
    async (error: unknown) => {
      await tripwires?.close()
      throw error
    },
  )
  return {
    capture,
    terms,
    session,
    gateway,
    tripwires,
    work,
    audit: (code, detail) => capture.audit(code, session, detail, { agent: terms.agent, session }),
    record: (type, channel, measured) =>
      capture.recorder.record({
        type,
        channel,
        agent: terms.agent,
        session,
        facts: { measured, reported: {} },
      } as never),
  }
}

function openFacts(
  { workspace }: Capture,
  terms: SessionTerms,
  workSha256: string | null,
): MeasuredFacts<"session_open"> {
  const { driver, providers, command, cwd, limits } = terms
  return {
    kind: driver === "none" ? "wrap" : "sandbox",
    driver,
    providers: providers.map((provider) => ({
      provider: provider.id,
      upstream: provider.upstream,
      loopback: upstreamOf(workspace, provider, null).loopback,
    })),
    command_sha256: commandSha256(command, cwd),
    work_sha256: workSha256,
    max_calls: limits.max_calls,
    max_duration_ms: limits.max_seconds * 1000,
  }
}

/** A session that a fault ended says which kind it was; the fault itself goes to the caller. */
function failedEnd(error: unknown, end: AgentEnd): AgentEnd {
  if (isFault(error, "sandbox/probe-failed")) return { ...end, reason: "probe-failed" }
  return isFault(error, "sandbox/start-failed", "sandbox/unavailable")
    ? { ...end, reason: "not-started" }
    : end
}
