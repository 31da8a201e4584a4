import { AmcError, agreedFacts, type ProbeCheck, type ProbeRecord } from "@amc/core"
import { seedCanaries } from "./canary.ts"
import { planChecks, type PlannedCheck, type ProbeTargets } from "./checks.ts"
import type { ProbeChannel } from "./probe-channel.ts"
import { type CheckResult, type ProbeAnswer, type ProcessView, runChecks } from "./probe-main.ts"

/** A process that waits as the probe, in whatever arrangement it was started. */
export interface ProbedProcess {
  readonly channel: ProbeChannel
  readonly command: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Whether it is to reach the egress proxy. */
  readonly hasEgress: boolean
  /** The monitor's view of it, asked for once the probe has answered. */
  outside(): ProcessView
}

/**
 * Measures how isolated a process is: every target is tried from inside, and by the same code from here.
 *
 * The record is for the ledger; `judgeIsolation` says what it means. Afterwards the process waits for `go`.
 *
 * @throws {@link AmcError} `sandbox/probe-failed`
 */
export async function measureIsolation(
  process: ProbedProcess,
  targets: ProbeTargets,
): Promise<ProbeRecord> {
  const canaries = await seedCanaries(targets.canaryFolder)
  try {
    const checks = planChecks(targets, canaries, process)
    const orders = checks.map(({ id, inside }) => ({ id, spec: inside }))
    const { command, env } = process
    // The controls come first: what is tried inside must be known to be there.
    const controls = await runControls(checks)
    const answer = await process.channel.ask({ checks: orders, command, env })
    return recordOf(checks, controls, answer, viewOf(process))
  } finally {
    await canaries.close()
  }
}

async function runControls(
  checks: readonly PlannedCheck[],
): Promise<ReadonlyMap<string, ProbeCheck["control"]>> {
  const controlled = checks.flatMap(({ id, outside }) =>
    outside === null ? [] : [{ id, outside }],
  )
  const outcomes = await runChecks(controlled.map(({ outside }) => outside))
  return new Map(
    controlled.map(({ id }, index) => [
      id,
      outcomes[index]?.outcome === "reached" ? "reached" : "denied",
    ]),
  )
}

function recordOf(
  checks: readonly PlannedCheck[],
  controls: ReadonlyMap<string, ProbeCheck["control"]>,
  answer: ProbeAnswer,
  outside: ProcessView,
): ProbeRecord {
  const results = new Map(
    answer.results.map((result): [string, CheckResult] => [result.id, result]),
  )
  const inside = bounded(answer.inside)
  return {
    checks: checks.map(({ id, expect }) => ({
      id,
      expect,
      outcome: results.get(id)?.outcome ?? "inconclusive",
      control: controls.get(id) ?? "none",
    })),
    inside,
    outside: bounded(outside),
    agree: agreedFacts.every(
      (name) => inside[name] !== undefined && inside[name] === outside[name],
    ),
  }
}

function viewOf(process: ProbedProcess): ProcessView {
  try {
    return process.outside()
  } catch (cause) {
    throw new AmcError("sandbox/probe-failed", "the probe's process can't be seen from outside", {
      cause,
    })
  }
}

const mostFacts = 64
/** Only what an event's facts may hold; the rest would make the event fail. */
function bounded(view: Readonly<Record<string, unknown>>): ProcessView {
  const kept = Object.entries(view).filter(
    ([name, value]) =>
      name.length <= 64 &&
      (typeof value === "boolean" ||
        Number.isSafeInteger(value) ||
        (typeof value === "string" && value.length <= 256)),
  )
  return Object.fromEntries(kept.slice(0, mostFacts)) as ProcessView
}
