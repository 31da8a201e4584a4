import { spawn } from "node:child_process"
import { once } from "node:events"
import type { ProbeCheck } from "@amc/core"
import type { CheckResult } from "./probe-answer.ts"
import type { ProbeBinary } from "./probe-binary.ts"
import { ProbeChannel } from "./probe-channel.ts"
import type { CheckSpec } from "./probe-order.ts"

/** A check that has something to try outside, or with a stand-in. */
export interface ControlledCheck {
  readonly id: string
  readonly outside: CheckSpec | null
  readonly standIn: CheckSpec | null
}

/**
 * Runs the probe here, under the monitor's own user: what it can't reach is no control for what was denied. Stand-ins
 * are tried by a second one, in namespaces of its own in which it made them: those show that the program finds what
 * is there, and not that this machine has it.
 *
 * @throws {@link AmcError} `sandbox/probe-failed`
 */
export async function runControls(
  binary: ProbeBinary,
  checks: readonly ControlledCheck[],
  canary: string,
): Promise<ReadonlyMap<string, ProbeCheck["control"]>> {
  const [here, alone] = await Promise.all([
    tries(binary, [], canary, specsOf(checks, "outside")),
    // Where no namespaces can be made nobody stands in, and those checks have no control.
    tries(binary, ["alone"], canary, specsOf(checks, "standIn")).catch(() => new Map()),
  ])
  return new Map(checks.map((check) => [check.id, controlOf(check, here, alone)]))
}

type Results = ReadonlyMap<string, CheckResult>
type Tried = readonly { readonly id: string; readonly spec: CheckSpec }[]

function specsOf(checks: readonly ControlledCheck[], where: "outside" | "standIn"): Tried {
  return checks.flatMap(({ id, [where]: spec }) => (spec === null ? [] : [{ id, spec }]))
}

function controlOf(check: ControlledCheck, here: Results, alone: Results): ProbeCheck["control"] {
  const { id, outside, standIn } = check
  if (here.get(id)?.outcome === "reached") return "reached"
  if (alone.get(id)?.outcome === "reached") return "stand_in"
  return outside === null && standIn === null ? "none" : "denied"
}

async function tries(
  binary: ProbeBinary,
  words: readonly string[],
  canary: string,
  checks: Tried,
): Promise<Results> {
  const stdio = ["pipe", "pipe", "ignore"] as const
  const child = spawn(binary.file, words, { stdio: [...stdio], env: {}, cwd: "/" })
  const gone = once(child, "exit").catch(() => {})
  child.stdin.on("error", () => {})
  try {
    const channel = new ProbeChannel(child.stdin, child.stdout)
    return (await channel.ask({ canary, checks, command: [], env: {} })).results
  } finally {
    child.kill("SIGKILL")
    await gone
  }
}
