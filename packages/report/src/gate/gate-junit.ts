import type { Finding } from "@amc/core"
import type { GateCheck, GateOutcome } from "@amc/score"
import { safeText } from "../safe-text.ts"
import { isoTime } from "../utc.ts"

/**
 * A gate's outcome as JUnit XML: one suite, one case for each rule, and one that failed for each finding
 * where policy or bundle were not accepted. It is a view of the outcome and proves nothing.
 */
export function gateJunit(outcome: GateOutcome): string {
  const cases =
    outcome.checks.length > 0 ? outcome.checks.map(ofCheck) : outcome.findings.map(ofFinding)
  const failures = cases.filter(({ failure }) => failure !== null).length
  const counts = `tests="${cases.length}" failures="${failures}" errors="0" skipped="0"`
  const time = isoTime(outcome.at_ms).slice(0, 19)
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="amc gate" tests="${cases.length}" failures="${failures}" errors="0" time="0">`,
    `  <testsuite name="amc gate" ${counts} time="0" timestamp="${time}" hostname="localhost">`,
    ...cases.flatMap(caseLines),
    "  </testsuite>",
    "</testsuites>",
    "",
  ].join("\n")
}

interface Case {
  readonly name: string
  readonly group: string
  readonly failure: { readonly message: string; readonly text: string } | null
}

function ofCheck({ rule, subject, value, bound, passed, next }: GateCheck): Case {
  const message = `${value}; asked for: ${bound}`
  const text = `way out: ${next ?? ""}`
  return { name: subject, group: `gate.${rule}`, failure: passed ? null : { message, text } }
}

function ofFinding({ code, subject, detail }: Finding): Case {
  return { name: subject, group: code.replace("/", "."), failure: { message: detail, text: code } }
}

function caseLines({ name, group, failure }: Case): readonly string[] {
  const open = `    <testcase name="${escaped(name)}" classname="${escaped(group)}" time="0"`
  if (failure === null) return [`${open}/>`]
  const { message, text } = failure
  return [
    `${open}>`,
    `      <failure message="${escaped(message)}" type="gate">${escaped(text)}</failure>`,
    "    </testcase>",
  ]
}

function escaped(text: string): string {
  return safeText(text).replaceAll(/[&<>"']/gu, (character) => `&#${character.codePointAt(0)};`)
}
