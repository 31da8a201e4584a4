import type { GatePolicy } from "@amc/core"
import type { Report } from "../v1/report.ts"
import { countedReport } from "./counted-report.ts"
import type { GateCheck, GateEvidence, PreviousRun } from "./gate-evidence.ts"
import { levelChecks } from "./level-rules.ts"
import { check } from "./rule-check.ts"
import { trustChecks } from "./trust-rules.ts"
import type { Level } from "../v1/level.ts"

const givePrevious = "give the bundle of an earlier run of the same ledger and bank with --previous"

/** What may have dropped since an earlier run. Without one, nothing shows that nothing did. */
export function dropChecks(policy: GatePolicy, evidence: GateEvidence): readonly GateCheck[] {
  const { maxDrop } = policy
  const { previous } = evidence
  if (maxDrop === undefined) return []
  const bound = `at most ${maxDrop} below the previous run`
  if (previous === null || previous.place === "elsewhere")
    return [check("drop", { ...absent(previous), bound, next: givePrevious })]
  if (previous.report.status !== "VALID")
    return [check("drop", { ...notValid, bound, next: givePrevious })]
  const [before, report] = [countedReport(policy, previous), countedReport(policy, evidence)]
  const isComparable = before.engine === report.engine && before.bank_sha256 === report.bank_sha256
  if (!isComparable) return [check("drop", { ...otherBank, bound, next: givePrevious })]
  const drops = standingsOf(before).flatMap(([subject, was]) => {
    const now = new Map(standingsOf(report)).get(subject)
    return rank(was) - rank(now) <= maxDrop ? [] : [{ subject, was, now: now ?? "U" }]
  })
  if (drops.length === 0)
    return [check("drop", { subject: "levels", value: "none", bound, passed: true, next: "" })]
  return drops.map(({ subject, was, now }) =>
    check("drop", {
      subject,
      value: `from level ${was} to level ${now}`,
      bound,
      passed: false,
      next: "see what changed in the agent since then, and measure again",
    }),
  )
}

/** That the run before this one, with none between them, passes as well. */
export function previousChecks(
  policy: GatePolicy,
  { previous }: GateEvidence,
): readonly GateCheck[] {
  if ((policy.consecutiveRuns ?? 1) < 2) return []
  const bound = "the run before passes as well"
  const next = "give the bundle of the run just before this one with --previous"
  if (previous === null || previous.place !== "last")
    return [check("previous-run", { ...absent(previous), bound, next })]
  const failed = failedIn(policy, previous)
  const found = check("previous-run", {
    subject: previous.report.run_id,
    value: failed.length === 0 ? "passes" : `fails ${failed.join(", ")}`,
    bound,
    passed: failed.length === 0,
    next: "measure until two runs in a row pass",
  })
  return [found]
}

/** Age is for the run that is released. */
function failedIn(policy: GatePolicy, run: PreviousRun): readonly string[] {
  const checks = [...trustChecks(policy, run), ...levelChecks(policy, run)]
  const failed = checks.filter(({ passed }) => !passed)
  return [...new Set(failed.map(({ rule, subject }) => `${rule} (${subject})`))]
}

/** What another bank asks is another question, whatever it is called. */
const otherBank = {
  subject: "previous run",
  value: "made by another engine or bank",
  passed: false,
} as const

/** Its levels count for nothing, so that nothing is below them. */
const notValid = {
  subject: "previous run",
  value: "a run that is not VALID",
  passed: false,
} as const

const absentTexts = {
  elsewhere: "a run that this history does not hold",
  earlier: "a run that is not the one just before",
  last: "the run before",
} as const

function absent(previous: PreviousRun | null): Pick<GateCheck, "subject" | "value" | "passed"> {
  const value = previous === null ? "not given" : absentTexts[previous.place]
  return { subject: "previous run", value, passed: false }
}

function standingsOf({ overall, layers, questions }: Report): readonly [string, Level][] {
  return [
    ["overall", overall],
    ...layers.map(({ name, level }): [string, Level] => [`layer ${name}`, level]),
    ...questions.map(({ id, level }): [string, Level] => [`question ${id}`, level]),
  ]
}

/** To be seen no more is a drop, also from level 0. */
function rank(level: Level | undefined): number {
  return level === undefined || level === "U" ? -1 : level
}
