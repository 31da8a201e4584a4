import type { Finding } from "@amc/core"
import type { GateCheck, GatedBundle, GateOutcome } from "@amc/score"
import { code, inline } from "../markdown/inline.ts"
import { bounded, table } from "../markdown/markdown-block.ts"
import { verdictLine } from "./gate-text.ts"

/** Found again by whoever writes the comment anew; GitHub shows no comment of HTML. */
export const gateMarker = "<!-- amc-gate -->"
const rowsMax = 120

/**
 * What a gate came to, for a step summary or one comment of a pull request that is written anew each time: it
 * begins with {@link gateMarker} and is short enough for both.
 */
export function gateMarkdown(outcome: GateOutcome): string {
  const { passed, policy, bundle, checks, findings } = outcome
  const failed = checks.filter((check) => !check.passed)
  const blocks = [
    gateMarker,
    `### ${passed ? "✅" : "⛔"} Evidence gate: ${verdictLine(outcome)}`,
    bundle === null ? "" : aboutBundle(bundle),
    policy === null
      ? ""
      : `Policy ${code(policy.id)} (${code(policy.name)}) version ${policy.version}, signed under ${code(policy.root)}.`,
    failed.length === 0 ? "" : `**Refused:**\n\n${checkTable(failed)}`,
    checks.length === 0 && !passed ? findingList(findings) : "",
    checks.length === 0 ? "" : allChecks(checks),
    "This text proves nothing by itself: the bundle and the signed policy do.",
  ]
  return bounded(blocks.filter((block) => block !== ""))
}

function aboutBundle(bundle: GatedBundle): string {
  const { agent, workspace, run_id: run, root, overall, trust_label: label } = bundle
  return `Agent ${code(agent)} of ${code(workspace)}, run ${code(run)}: level ${overall}, ${label}, IntegrityIndex ${bundle.integrity_index}. Producer ${code(root)}.`
}

function checkTable(checks: readonly GateCheck[]): string {
  return table(
    ["rule", "about", "found", "asked for", "way out"],
    checks
      .slice(0, rowsMax)
      .map(({ rule, subject, value, bound, next }) => [
        rule,
        inline(subject),
        inline(value),
        inline(bound),
        next === null ? "–" : inline(next),
      ]),
  )
}

function allChecks(checks: readonly GateCheck[]): string {
  const rows = checks
    .slice(0, rowsMax)
    .map(({ rule, subject, value, bound, passed }) => [
      passed ? "passed" : "**refused**",
      rule,
      inline(subject),
      inline(value),
      inline(bound),
    ])
  const all = table(["", "rule", "about", "found", "asked for"], rows)
  return `<details><summary>All ${checks.length} rules</summary>\n\n${all}\n\n</details>`
}

function findingList(findings: readonly Finding[]): string {
  return findings
    .slice(0, rowsMax)
    .map(
      (finding) => `- ${code(finding.code)} ${inline(finding.subject)}: ${inline(finding.detail)}`,
    )
    .join("\n")
}
