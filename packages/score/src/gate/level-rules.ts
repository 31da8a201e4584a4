import type { GatePolicy } from "@amc/core"
import { byText } from "../v1/integer.ts"
import { rankOf } from "../v1/question.ts"
import type { Report } from "../v1/report.ts"
import type { GateCheck, JudgedRun } from "./gate-evidence.ts"
import { countedReport } from "./counted-report.ts"
import { check } from "./rule-check.ts"
import type { Level } from "../v1/level.ts"

/** What a policy asks of the levels. */
export function levelChecks(policy: GatePolicy, run: JudgedRun): readonly GateCheck[] {
  const report = countedReport(policy, run)
  const { minOverall, minLayers = {}, minQuestions = {} } = policy
  return [
    ...(minOverall === undefined ? [] : [overallCheck(report, minOverall)]),
    ...inOrder(minLayers).map(([name, bound]) => layerCheck(report, name, bound)),
    ...inOrder(minQuestions).map(([id, bound]) => questionCheck(report, id, bound)),
    ...(policy.denyVetoes === true ? vetoChecks(report) : []),
  ]
}

/** Whether a level was seen to be at least this; an unknown one was not seen at all. */
function isLevelAtLeast(level: Level | undefined, bound: number): boolean {
  return typeof level === "number" && level >= bound
}

function inOrder(bounds: Readonly<Record<string, number>>): readonly [string, number][] {
  return Object.entries(bounds).sort(([a], [b]) => byText(a, b))
}

function overallCheck(report: Report, bound: number): GateCheck {
  const lowest = report.layers.filter(({ level }) => level === report.overall)
  return check("overall", {
    subject: "overall",
    value: `level ${report.overall}`,
    bound: atLeast(bound),
    passed: isLevelAtLeast(report.overall, bound),
    next: wayOut(report, ({ layer }) => lowest.some(({ name }) => name === layer)),
  })
}

function layerCheck(report: Report, name: string, bound: number): GateCheck {
  const level = report.layers.find((layer) => layer.name === name)?.level
  return check("layer", {
    subject: name,
    value: levelText(level),
    bound: atLeast(bound),
    passed: isLevelAtLeast(level, bound),
    next: level === undefined ? unknownName("layer") : wayOut(report, (of) => of.layer === name),
  })
}

function questionCheck(report: Report, id: string, bound: number): GateCheck {
  const level = report.questions.find((question) => question.id === id)?.level
  return check("question", {
    subject: id,
    value: levelText(level),
    bound: atLeast(bound),
    passed: isLevelAtLeast(level, bound),
    next: level === undefined ? unknownName("question") : wayOut(report, (of) => of.id === id),
  })
}

/** Whatever holds a question down is told by its cap. */
function vetoChecks({ questions }: Report): readonly GateCheck[] {
  const bound = "nothing that holds a level down"
  const held = questions.filter(({ cap }) => cap !== null)
  const none = { subject: "questions", value: "none held down", bound, passed: true, next: "" }
  if (held.length === 0) return [check("veto", none)]
  return held.map(({ id, cap }) =>
    check("veto", {
      subject: id,
      value: `held at level ${cap?.level}: ${cap?.causes.join("; ")}`,
      bound,
      passed: false,
      next: "mend the cause, and measure until it lies outside of the window",
    }),
  )
}

/** What these questions lack, the first thing of each, the lowest before the others. */
function wayOut(
  { questions }: Report,
  isConcerned: (question: Report["questions"][number]) => boolean,
): string {
  const concerned = questions.filter(isConcerned).sort((a, b) => rankOf(a.level) - rankOf(b.level))
  const texts = concerned.flatMap(({ id, missing }) => {
    const [first] = missing
    return first === undefined ? [] : [`${id}: ${first.text}`]
  })
  return texts.length === 0 ? "see the report for what is missing" : texts.slice(0, 3).join("; ")
}

function unknownName(what: "layer" | "question"): string {
  return `the bank of the run has no such ${what}: see 'amc run show' for the names`
}

function levelText(level: Level | undefined): string {
  return level === undefined ? "not there" : `level ${level}`
}

function atLeast(bound: number): string {
  return `at least level ${bound}`
}
