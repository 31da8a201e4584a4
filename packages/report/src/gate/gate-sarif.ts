import { printableJson } from "@amc/core"
import { type GateCheck, type GateOutcome, gateRules } from "@amc/score"
import { safeText } from "../safe-text.ts"
import { ruleTexts } from "./rule-text.ts"

/** More is cut by those who show it. */
const resultsMax = 5000

interface Result {
  readonly ruleId: string
  readonly kind: "pass" | "fail"
  readonly level: "none" | "error"
  readonly subject: string
  readonly text: string
}

/**
 * A gate's outcome as SARIF 2.1.0: one result for each rule, passed or failed, at the agent as its logical
 * location, and at the policy's file, since those who show results want a file.
 */
export function gateSarif(outcome: GateOutcome): string {
  const { checks, findings, bundle, policy } = outcome
  const results =
    checks.length > 0
      ? checks.map(ofCheck)
      : findings.map(
          ({ code, subject, detail }): Result =>
            ({ ruleId: code, kind: "fail", level: "error", subject, text: detail }) as const,
        )
  const ids = [...new Set([...gateRules.map((rule) => `gate/${rule}`), ...results.map(idOf)])]
  const place = {
    file: policy?.name ?? "gatePolicy.json",
    agent: bundle === null ? "unknown" : `${bundle.workspace}/${bundle.agent}`,
  }
  const log = {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "amc", rules: ids.map(ruleOf) } },
        automationDetails: { id: "amc-gate/" },
        columnKind: "utf16CodeUnits",
        properties: {
          passed: outcome.passed,
          results_left_out: Math.max(results.length - resultsMax, 0),
        },
        results: results.slice(0, resultsMax).map((result) => encoded(result, ids, place)),
      },
    ],
  }
  return `${printableJson(JSON.stringify(log, null, 2))}\n`
}

function ofCheck({ rule, subject, value, bound, passed, next }: GateCheck): Result {
  const way = next === null ? "" : ` Way out: ${next}.`
  return {
    ruleId: `gate/${rule}`,
    kind: passed ? "pass" : "fail",
    level: passed ? "none" : "error",
    subject,
    text: `${subject}: ${value}; asked for: ${bound}.${way}`,
  }
}

function idOf({ ruleId }: Result): string {
  return ruleId
}

function ruleOf(id: string): object {
  const text = ruleTexts.get(id) ?? "The policy, or the evidence that was given, was not accepted."
  return { id, shortDescription: { text }, defaultConfiguration: { level: "error" } }
}

function encoded(
  { ruleId, kind, level, subject, text }: Result,
  ids: readonly string[],
  { file, agent }: { readonly file: string; readonly agent: string },
): object {
  const location = {
    physicalLocation: {
      artifactLocation: { uri: encodeURIComponent(file) },
      region: { startLine: 1 },
    },
    logicalLocations: [{ fullyQualifiedName: safeText(`${agent}/${subject}`), kind: "object" }],
  }
  return {
    ruleId,
    ruleIndex: ids.indexOf(ruleId),
    kind,
    level,
    message: { text: safeText(text, 2000) },
    locations: [location],
    partialFingerprints: { "amcGate/v1": safeText(`${ruleId} ${agent} ${subject}`) },
  }
}
