import {
  AmcError,
  agreedFacts,
  agreedProbeFacts,
  hasControl,
  type ProbeCheck,
  type ProbeRecord,
} from "@amc/core"
import { seedCanaries } from "./canary.ts"
import { type PlannedCheck, planChecks, type ProbePlace, type ProbeTargets } from "./checks.ts"
import { runControls } from "./control.ts"
import type { ProbeAnswer, ProcessView } from "./probe-answer.ts"
import type { ProbeBinary } from "./probe-binary.ts"
import type { ProbeChannel } from "./probe-channel.ts"
import type { CallFilter } from "./probe-order.ts"
import { inBox } from "./spec.ts"
import { startStands } from "./stand.ts"

/** A process that waits as the probe, in whatever arrangement it was started. */
export interface ProbedProcess {
  /** What runs in it until the agent does. */
  readonly binary: ProbeBinary
  readonly channel: ProbeChannel
  readonly command: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly filter?: CallFilter | null
  /** Where things are for it. */
  readonly place: ProbePlace
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
  const { binary, channel, command, env, place } = process
  const canaries = await seedCanaries(targets.canaryFolder)
  try {
    // One for each side: a process can be traced by one other at a time.
    const stands = await startStands(binary, canaries.secret)
    try {
      const checks = planChecks(targets, canaries, stands, place)
      const tries = checks.map(({ id, inside }) => ({ id, spec: inside }))
      // All targets are there until both have ended, so that one need not wait for the other.
      const [controls, answer] = await Promise.all([
        runControls(binary, checks, canaries.secret),
        channel.ask({
          canary: canaries.secret,
          checks: tries,
          command,
          env,
          filter: process.filter ?? null,
        }),
      ])
      const record = recordOf(checks, controls, answer, viewOf(process))
      return { ...record, probe_sha256: binary.sha256 }
    } finally {
      await Promise.all([stands.inside.close(), stands.outside.close()])
    }
  } finally {
    await canaries.close()
  }
}

/** Where things are in a box. */
export function boxPlace(hasEgress: boolean): ProbePlace {
  const { gatewayHost: host, gatewayPort, egressPort, work, probe } = inBox
  return {
    gateway: { host, port: gatewayPort },
    egress: hasEgress ? { host, port: egressPort } : null,
    work,
    probe,
    walkRoot: "/",
    internet: true,
  }
}

function recordOf(
  checks: readonly PlannedCheck[],
  controls: ReadonlyMap<string, ProbeCheck["control"]>,
  answer: ProbeAnswer,
  outside: ProcessView,
): ProbeRecord {
  const inside = bounded(answer.inside)
  return {
    checks: checks.map(({ id, expect }) => {
      const control = controls.get(id) ?? "none"
      const outcome = answer.results.get(id)?.outcome ?? "inconclusive"
      const isKnown = hasControl({ expect, control }) || outcome === failing[expect]
      return { id, expect, outcome: isKnown ? outcome : "inconclusive", control }
    }),
    inside,
    outside: bounded(outside),
    agree: [...agreedFacts, ...agreedProbeFacts].every(
      (name) => inside[name] !== undefined && inside[name] === outside[name],
    ),
  }
}

/** What counts against a box, with or without a control. */
const failing = { denied: "reached", reached: "denied" } as const

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
