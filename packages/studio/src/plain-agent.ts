import { realpathSync } from "node:fs"
import { isFault } from "@amc/core"
import { type AgentProcess, type ProbedAgent, spawnPlain, spawnProbed } from "@amc/sandbox"
import { plainEnvironment } from "./agent-environment.ts"
import { probeFacts, probeTargets } from "./probe-targets.ts"
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
  const { terms } = opened
  await opened.audit("TRUST_BOUNDARY_VIOLATED", why)
  await auditContradiction(opened, "the agent ran with no box, under the monitor's own user")
  // The keys vouch for every agent of the workspace, so it is said of the workspace too.
  const detail = `agent ${terms.agent}: ${why}`
  await opened.capture.audit("TRUST_BOUNDARY_VIOLATED", opened.session, detail)
  const { agent, found } = await startProbed(opened)
  const run = await followAgent(opened, agent, process.getuid?.() ?? 0)
  const { exitCode, reason, lastWords } = run
  const reasons = [why, found]
  return { reason, posture: "shared", hardened: false, exitCode, reasons, lastWords }
}

interface StartedAgent {
  readonly agent: AgentProcess
  /** What the probe reached in the agent's place. */
  readonly found: string
}

/** Starts the agent by way of the probe. Where that can't be run, the agent is started all the same, and it is said. */
async function startProbed(opened: OpenedSession): Promise<StartedAgent> {
  const { terms, gateway } = opened
  const spec = {
    command: terms.command,
    cwd: terms.cwd,
    env: plainEnvironment(terms, gateway),
    timeoutMs: terms.limits.max_seconds * 1000,
  }
  let agent: ProbedAgent | undefined
  try {
    agent = await spawnProbed(spec)
    const found = await measure(opened, agent)
    await agent.go()
    return { agent, found }
  } catch (error) {
    await agent?.kill()
    if (!isFault(error, "sandbox/unavailable", "sandbox/probe-failed")) throw error
    const found = `what it could reach was not measured: ${error.message}`
    return { agent: await spawnPlain(spec), found }
  }
}

async function measure(opened: OpenedSession, agent: ProbedAgent): Promise<string> {
  const { hostname: host, port } = new URL(opened.gateway.baseUrl)
  const walkRoot = realpathSync(opened.capture.workspace.dir)
  const place = { gateway: { host, port: Number(port) }, walkRoot }
  const record = await agent.runProbe(await probeTargets(opened), place)
  await opened.record("sandbox_probe", "wrapper", probeFacts(record))
  const walls = record.checks.filter(({ expect }) => expect === "denied")
  const reached = walls.filter(({ outcome }) => outcome === "reached").map(({ id }) => id)
  return `the probe in its place reached ${reached.length} of ${walls.length} things: ${reached.join(", ")}`
}
