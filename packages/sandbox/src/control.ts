import { spawn } from "node:child_process"
import { once } from "node:events"
import type { ProbeCheck } from "@amc/core"
import type { ProbeBinary } from "./probe-binary.ts"
import { ProbeChannel } from "./probe-channel.ts"
import type { CheckSpec } from "./probe-order.ts"

/** A check that has something to try outside. */
export interface ControlledCheck {
  readonly id: string
  readonly outside: CheckSpec | null
}

/**
 * Runs the probe here, under the monitor's own user: what it can't reach is no control for what was denied.
 *
 * @throws {@link AmcError} `sandbox/probe-failed`
 */
export async function runControls(
  binary: ProbeBinary,
  checks: readonly ControlledCheck[],
  canary: string,
): Promise<ReadonlyMap<string, ProbeCheck["control"]>> {
  const child = spawn(binary.file, [], { stdio: ["pipe", "pipe", "ignore"], env: {}, cwd: "/" })
  const gone = once(child, "exit").catch(() => {})
  child.stdin.on("error", () => {})
  try {
    const controlled = checks.flatMap(({ id, outside }) =>
      outside === null ? [] : [{ id, spec: outside }],
    )
    const channel = new ProbeChannel(child.stdin, child.stdout)
    const { results } = await channel.ask({ canary, checks: controlled, command: [], env: {} })
    return new Map(
      controlled.map(({ id }) => [
        id,
        results.get(id)?.outcome === "reached" ? "reached" : "denied",
      ]),
    )
  } finally {
    child.kill("SIGKILL")
    await gone
  }
}
