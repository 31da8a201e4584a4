import type { Finding } from "@amc/core"
import type { GateCheck, GateOutcome } from "@amc/score"
import { safeText } from "../safe-text.ts"
import { isoTime } from "../utc.ts"

/**
 * A gate's outcome as JUnit XML: one suite, one case for each rule, and one that failed for each finding
 * where policy or bundle were not accepted. It holds under the schemas of Ant and of Jenkins, and what failed stands
 * in the failure's text, since GitLab shows no attribute of it. It is a view of the outcome and proves nothing.
 */
export function gateJunit(outcome: GateOutcome): string {
  const cases =
    outcome.checks.length > 0 ? outcome.checks.map(ofCheck) : outcome.findings.map(ofFinding)
  const failures = cases.filter(({ failure }) => failure !== null).length
  const counts = `tests="${cases.length}" failures="${failures}" errors="0" skipped="0"`
  const time = isoTime(outcome.at_ms).slice(0, 19)
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    "<testsuites>",
    `  <testsuite name="amc gate" package="amc" id="0" ${counts} time="0" timestamp="${time}" hostname="localhost">`,
    "    <properties>",
    ...propertiesOf(outcome).map(
      ([name, value]) => `      <property name="${name}" value="${escaped(value)}"/>`,
    ),
    "    </properties>",
    ...cases.flatMap(caseLines),
    "    <system-out></system-out>",
    "    <system-err></system-err>",
    "  </testsuite>",
    "</testsuites>",
    "",
  ].join("\n")
}

/** What it is about, as far as it was accepted. */
function propertiesOf({ policy, bundle }: GateOutcome): readonly (readonly [string, string])[] {
  return [
    ...(policy === null
      ? []
      : ([
          ["policy.id", policy.id],
          ["policy.version", String(policy.version)],
          ["policy.root", policy.root],
        ] as const)),
    ...(bundle === null
      ? []
      : ([
          ["bundle.sha256", bundle.sha256],
          ["bundle.agent", bundle.agent],
          ["bundle.run", bundle.run_id],
          ["bundle.root", bundle.root],
        ] as const)),
  ]
}

interface Case {
  readonly name: string
  readonly group: string
  /** Lines of what failed; null where nothing did. */
  readonly failure: readonly string[] | null
}

function ofCheck({ rule, subject, value, bound, passed, next }: GateCheck): Case {
  const failure = [`${value}; asked for: ${bound}`, `way out: ${next ?? ""}`]
  return { name: subject, group: `gate.${rule}`, failure: passed ? null : failure }
}

function ofFinding({ code, subject, detail }: Finding): Case {
  return { name: subject, group: code.replace("/", "."), failure: [detail, code] }
}

function caseLines({ name, group, failure }: Case): readonly string[] {
  const open = `    <testcase name="${escaped(name)}" classname="${escaped(group)}" time="0"`
  if (failure === null) return [`${open}/>`]
  const [message = ""] = failure
  const text = failure.map(escaped).join("\n")
  return [
    `${open}>`,
    `      <failure message="${escaped(message)}" type="gate">${text}</failure>`,
    "    </testcase>",
  ]
}

function escaped(text: string): string {
  return safeText(text).replaceAll(/[&<>"']/gu, (character) => `&#${character.codePointAt(0)};`)
}
