import { spawnPlain } from "@amc/sandbox"
import { plainEnvironment } from "./agent-environment.ts"
import { followAgent } from "./running-agent.ts"
import type { AgentEnd, OpenedSession } from "./opened-session.ts"
import { boundaryMode } from "./trust-boundary.ts"

const why =
  "the agent ran with no box, under the monitor's own user: it could have read the keys and written the evidence"

const declared =
  "nothing measured where the agent ran: only the owner's signed config says that it could not reach the keys"

/**
 * Runs the agent with no box. What it shows is recorded all the same and counts as INVALID, unless the owner
 * signed that the command only leads to an agent that is kept apart (T4): the monitor can't see that.
 */
export async function runPlain(opened: OpenedSession): Promise<AgentEnd> {
  const { terms, gateway } = opened
  const isDeclared = boundaryMode(opened.capture) === "isolated"
  if (!isDeclared) await auditViolation(opened)
  const agent = await spawnPlain({
    command: terms.command,
    cwd: terms.cwd,
    env: plainEnvironment(terms, gateway),
    timeoutMs: terms.limits.max_seconds * 1000,
  })
  const run = await followAgent(opened, agent, process.getuid?.() ?? 0)
  const { exitCode, reason, lastWords } = run
  return {
    reason,
    posture: isDeclared ? "declared" : "shared",
    hardened: false,
    exitCode,
    reasons: [isDeclared ? declared : why],
    lastWords,
  }
}

async function auditViolation(opened: OpenedSession): Promise<void> {
  await opened.audit("TRUST_BOUNDARY_VIOLATED", why)
  // The keys vouch for every agent of the workspace, so it is said of the workspace too.
  const detail = `agent ${opened.terms.agent}: ${why}`
  await opened.capture.audit("TRUST_BOUNDARY_VIOLATED", opened.session, detail)
}
