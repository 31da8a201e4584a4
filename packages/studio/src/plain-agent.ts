import { spawnPlain } from "@amc/sandbox"
import { plainEnvironment } from "./agent-environment.ts"
import { followAgent } from "./running-agent.ts"
import type { AgentEnd, OpenedSession } from "./opened-session.ts"
import { auditContradiction } from "./trust-boundary.ts"

const why =
  "the agent ran with no box, under the monitor's own user: it could have read the keys and written the evidence"

/**
 * Runs the agent with no box. What it shows is recorded all the same and counts as INVALID, whatever is
 * declared: that it ran under the monitor's own user is no claim, but what the monitor did.
 */
export async function runPlain(opened: OpenedSession): Promise<AgentEnd> {
  const { terms, gateway } = opened
  await opened.audit("TRUST_BOUNDARY_VIOLATED", why)
  await auditContradiction(opened, "the agent ran with no box, under the monitor's own user")
  // The keys vouch for every agent of the workspace, so it is said of the workspace too.
  const detail = `agent ${terms.agent}: ${why}`
  await opened.capture.audit("TRUST_BOUNDARY_VIOLATED", opened.session, detail)
  const agent = await spawnPlain({
    command: terms.command,
    cwd: terms.cwd,
    env: plainEnvironment(terms, gateway),
    timeoutMs: terms.limits.max_seconds * 1000,
  })
  const run = await followAgent(opened, agent, process.getuid?.() ?? 0)
  const { exitCode, reason, lastWords } = run
  return { reason, posture: "shared", hardened: false, exitCode, reasons: [why], lastWords }
}
