import { AmcError, judgeIsolation, type IsolationVerdict } from "@amc/core"
import type { PlanFacts, PreparedBox, SandboxHandle } from "@amc/sandbox"
import { boxEnvironment } from "./agent-environment.ts"
import { workingDriver } from "./box-driver.ts"
import { boxLimits } from "./box-limits.ts"
import { hiddenFromAgent } from "./check-files.ts"
import { probeFacts, probeTargets } from "./probe-targets.ts"
import { commandInBox, commandSha256, programMounts } from "./program.ts"
import type { AgentEnd, OpenedSession } from "./opened-session.ts"
import { auditContradiction } from "./trust-boundary.ts"
import { followWatched } from "./watched-agent.ts"

/**
 * Runs the agent in a box: the probe measures the walls from inside, the monitor from outside, and only a
 * box that holds is entered by the agent.
 *
 * @throws {@link AmcError} `sandbox/unavailable`, `sandbox/probe-failed`, `sandbox/start-failed`
 */
export async function runBoxed(opened: OpenedSession): Promise<AgentEnd> {
  const { plan, launch } = await planBox(opened)
  const box = await launch()
  const verdict = await measure(opened, box)
  await enter(opened, box, plan)
  const { exitCode, reason, lastWords, drifts } = await followWatched(opened, box)
  const isDrifted = drifts.length > 0
  return {
    reason,
    posture: isDrifted ? "shared" : "measured",
    hardened: verdict.hardened && !isDrifted,
    exitCode,
    reasons: isDrifted ? drifts : verdict.reasons,
    lastWords,
  }
}

/** Lets the agent in once that is on record; a box that can't be recorded is not left waiting. */
async function enter(opened: OpenedSession, box: SandboxHandle, plan: PlanFacts): Promise<void> {
  try {
    await opened.audit("SANDBOX_EXECUTION_ENABLED", saidOf(opened, plan))
  } catch (error) {
    await box.refuse()
    throw error
  }
  await box.go()
}

/** What the box is, in a few words. */
function saidOf({ terms }: OpenedSession, { driver, sha256, image }: PlanFacts): string {
  const made = image === null ? "" : `, image ${image.id}`
  return `${driver}, plan ${sha256}${made}, command ${commandSha256(terms.command, terms.cwd)}`
}

async function planBox(opened: OpenedSession): Promise<PreparedBox> {
  const driver = await workingDriver(opened.terms)
  const { capture, terms, gateway, work } = opened
  const mounts = programMounts(terms.command, terms.cwd, process.execPath)
  const spec = {
    readOnly: mounts.readOnly,
    hidden: [...hiddenFromAgent(terms), ...capture.workspace.state.folders()],
    work,
    gatewaySocket: gateway.socketPath,
    egressSocket: gateway.egress.socketPath,
    env: boxEnvironment(terms, mounts, gateway),
    command: commandInBox(terms.command, terms.cwd, terms.work),
    limits: boxLimits(terms, terms.limits.max_seconds),
  }
  const prepared = await driver.prepare(spec)
  const { plan } = prepared
  await opened.record("sandbox_plan", "sandbox", {
    driver: plan.driver,
    plan_sha256: plan.sha256,
    argv: plan.words,
    mounts: plan.mounts,
    memory_bytes: plan.limits.memoryBytes,
    pids: plan.limits.pids,
    timeout_ms: plan.limits.timeoutMs,
    probe_sha256: plan.probeSha256,
    network: plan.network,
    ...(plan.image === null
      ? {}
      : { image: plan.image.id, image_layers_sha256: plan.image.layersSha256 }),
  })
  return prepared
}

/** Records what the probe found, and lets nothing pass but a box that holds. */
async function measure(opened: OpenedSession, box: SandboxHandle): Promise<IsolationVerdict> {
  try {
    const record = await box.runProbe(await probeTargets(opened))
    await opened.record("sandbox_probe", "sandbox", probeFacts(record))
    const verdict = judgeIsolation(record)
    if (verdict.posture === "measured") return verdict
    await opened.audit("TRUST_BOUNDARY_SHARED", verdict.reasons.join("; "))
    await auditContradiction(opened, "the probe found that the box does not hold")
    throw new AmcError(
      "sandbox/probe-failed",
      `the box does not hold: ${verdict.reasons.slice(0, 3).join("; ")}`,
      {
        hint: "the agent was not started; 'amc wrap' runs it without a box, and its results are INVALID",
      },
    )
  } catch (error) {
    await box.refuse()
    throw error
  }
}
