import type { GatePolicy } from "@amc/core"
import { dayOf } from "../v1/integer.ts"
import type { GateCheck, GateEvidence } from "./gate-evidence.ts"
import { levelChecks } from "./level-rules.ts"
import { dropChecks, previousChecks } from "./previous-rules.ts"
import { check } from "./rule-check.ts"
import { trustChecks } from "./trust-rules.ts"

/** How far the clock of who made the run may be ahead of the reader's. */
const skewMs = 5 * 60_000
const dayMs = 86_400_000

/**
 * Evaluates a policy on verified evidence. The release passes if every check did. Nothing that is left out
 * of the evidence lets pass what was refused: what a rule can't see, it refuses.
 */
export function evaluateGate(policy: GatePolicy, evidence: GateEvidence): readonly GateCheck[] {
  return [
    ...trustChecks(policy, evidence),
    ...timeChecks(policy, evidence),
    ...levelChecks(policy, evidence),
    ...dropChecks(policy, evidence),
    ...previousChecks(policy, evidence),
  ]
}

function timeChecks({ maxAgeDays }: GatePolicy, evidence: GateEvidence): readonly GateCheck[] {
  const { report, atMs, openedMs } = evidence
  const measure = "measure again and export a new bundle"
  const isFresh = atMs <= report.stale_after_ms && openedMs - atMs <= skewMs
  const stale = check("stale", {
    subject: "report",
    value: openedMs - atMs > skewMs ? "from the future" : isFresh ? "fresh" : "stale",
    bound: "fresh",
    passed: isFresh,
    next: openedMs - atMs > skewMs ? "set this machine's clock" : measure,
  })
  if (maxAgeDays === undefined) return [stale]
  const age = check("age", {
    subject: "run",
    value: `${dayOf(Math.max(atMs - openedMs, 0))} whole days`,
    bound: `at most ${maxAgeDays} days`,
    passed: atMs - openedMs <= maxAgeDays * dayMs && openedMs - atMs <= skewMs,
    next: measure,
  })
  return [stale, age]
}
