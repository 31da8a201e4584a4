import type { GateCheck, GatedBundle, GateOutcome } from "@amc/score"
import { safeText } from "../safe-text.ts"
import { utcTime } from "../utc.ts"
import { counted } from "../wording.ts"

const lineMax = 2000

/** What a gate came to, for a terminal: the verdict first, then every rule with its value and bound. */
export function gateText(outcome: GateOutcome): string {
  const { policy, bundle, previous, checks, findings } = outcome
  const lines = [
    verdictLine(outcome),
    ...(bundle === null ? [] : [bundleLine("bundle", bundle)]),
    ...(previous === null ? [] : [bundleLine("previous", previous)]),
    ...(policy === null
      ? []
      : [
          `policy    ${policy.id} (${policy.name}) version ${policy.version} of ${policy.workspace} (${policy.root})`,
        ]),
    "",
    ...checks.flatMap(checkLines),
    ...(checks.length > 0
      ? []
      : findings.map(({ code, subject, detail }) => `  refused  ${code}: ${subject}: ${detail}`)),
  ]
  return `${lines.map((line) => safeText(line, lineMax)).join("\n")}\n`
}

/** `REFUSED by 2 of 9 rules`. */
export function verdictLine({ passed, checks, findings, at_ms: at }: GateOutcome): string {
  const when = `as of ${utcTime(at)}`
  if (passed) return `PASSED all ${counted(checks.length, "rule")}, ${when}`
  if (checks.length === 0)
    return `REFUSED before any rule: ${counted(findings.length, "finding")}, ${when}`
  const failed = checks.filter((check) => !check.passed).length
  return `REFUSED by ${failed} of ${counted(checks.length, "rule")}, ${when}`
}

function bundleLine(name: string, bundle: GatedBundle): string {
  const { workspace, agent, run_id: run, root } = bundle
  return `${name.padEnd(8)}  ${agent} in ${workspace} (${root}), ${run}`
}

function checkLines({ rule, subject, value, bound, passed, next }: GateCheck): readonly string[] {
  const line = `  ${passed ? "passed " : "REFUSED"}  ${rule}: ${subject}: ${value} (asked for: ${bound})`
  return next === null ? [line] : [line, `           way out: ${next}`]
}
