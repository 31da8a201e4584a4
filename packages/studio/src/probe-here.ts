import { type InsideView, probeInside } from "@amc/sandbox"

/** What the probe found where this program runs. */
export interface ProbedHere extends InsideView {
  /** Nobody looked from outside, so nothing here can make evidence better. */
  readonly grade: "inside only"
  readonly hardened: false
  /** The ids of what was reached. */
  readonly reached: readonly string[]
}

/**
 * Tries from here what an agent here could try, such as on a machine that has no monitor.
 *
 * @throws {@link AmcError} `sandbox/unavailable`, `sandbox/probe-failed`
 */
export async function probeHere(
  environment: Readonly<Record<string, string | undefined>>,
  internet: boolean,
): Promise<ProbedHere> {
  const entries = Object.entries(environment)
  const env = entries.filter((entry): entry is [string, string] => entry[1] !== undefined)
  const view = await probeInside(Object.fromEntries(env), internet)
  const reached = view.checks.filter(({ outcome }) => outcome === "reached").map(({ id }) => id)
  return { grade: "inside only", hardened: false, reached, ...view }
}
