import type { Report, ReportedQuestion } from "@amc/score"
import type { Dossier } from "../dossier.ts"
import { utcDay } from "../utc.ts"
import {
  checkCommands,
  counted,
  factTexts,
  gapOf,
  gapText,
  ingestedText,
  limitsOf,
  obstaclesOf,
  traceText,
} from "../wording.ts"
import { code, inline } from "./inline.ts"
import { bounded, leftOut, table } from "./markdown-block.ts"

const obstaclesMax = 6
const reasonsMax = 8
const questionsMax = 150

/**
 * A dossier as Markdown for a pull request: whether it counts, the levels, what to do, how to check. It
 * is cut where it would be too long for a comment, and says so.
 */
export function markdownReport(dossier: Dossier): string {
  const { report } = dossier
  const blocks = [
    statusBlock(report),
    layerBlock(report),
    limitsOf(report).join(" "),
    nextBlock(report),
    questionBlock(report),
    broughtBlock(report),
    integrityBlock(dossier),
    checkBlock(dossier),
  ]
  return bounded(blocks.filter((block) => block !== ""))
}

function statusBlock({ agent, status, status_reasons: reasons, ...report }: Report): string {
  const { overall, trust_label: label, integrity_index: index, posture, window, sessions } = report
  const level = overall === "U" ? "level U" : `level ${overall} of 5`
  const isValid = status === "VALID"
  const verdict = isValid
    ? `**VALID**, overall ${level}`
    : `**INVALID**: this report counts for nothing; its levels are indicative (${level})`
  return [
    `### Evidence report: ${code(agent)}`,
    "",
    `${verdict}. ${label}, IntegrityIndex ${index} of 100, posture ${posture}, ${counted(sessions.opened, "session")} from ${utcDay(window.from_ms)} to ${utcDay(window.to_ms)}, stale after ${utcDay(report.stale_after_ms)}.`,
    "",
    ...reasons.slice(0, reasonsMax).map((reason) => `- ${inline(reason)}`),
    ...leftOut(reasons.length - reasonsMax, "reason").map((text) => `- ${text}`),
  ].join("\n")
}

function layerBlock(report: Report): string {
  const rows = report.layers.map(({ name, level, claimed }) => [
    inline(name),
    squares(level),
    level,
    claimed ?? "–",
    gapText(gapOf(level, claimed)),
  ])
  return table(["layer", "", "shown", "claimed", "gap"], rows)
}

function squares(level: Report["overall"]): string {
  return level === "U" ? "○○○○○" : "■".repeat(level) + "□".repeat(5 - level)
}

function nextBlock(report: Report): string {
  const obstacles = obstaclesOf(report)
  if (obstacles.length === 0) return ""
  const { overall } = report
  const goal = overall === "U" ? "to be rated at all" : `to level ${overall + 1}`
  return [
    `**What to do next, ${goal}, the most common first:**`,
    "",
    ...obstacles
      .slice(0, obstaclesMax)
      .map(
        ({ text, questions }) =>
          `- ${inline(text)} (${questions.slice(0, 8).map(code).join(", ")})`,
      ),
    ...leftOut(obstacles.length - obstaclesMax, "obstacle").map((each) => `- ${each}`),
  ].join("\n")
}

function questionBlock({ questions }: Report): string {
  const rows = questions.slice(0, questionsMax).map(questionRow)
  const body = table(
    ["question", "shown", "claimed", "passed", "bound", "what stops the next level"],
    rows,
  )
  const cut = leftOut(questions.length - questionsMax, "question")
  const head = `<details><summary>${counted(questions.length, "question")}</summary>`
  return [head, body, ...cut, "</details>"].join("\n\n")
}

function questionRow(question: ReportedQuestion): readonly (string | number)[] {
  const { id, title, level, claimed, units, missing } = question
  const passed = units.n === 0 ? "nothing was seen" : `${units.k} of ${units.n}`
  const first = missing[0]
  const stops = first === undefined ? "–" : inline(first.text)
  const { bound_per_mille: bound } = question
  const share = bound === null ? "–" : `${bound / 10} %`
  return [`${code(id)} ${inline(title)}`, level, claimed ?? "–", passed, share, stops]
}

function broughtBlock({ traces, ingested }: Report): string {
  const texts = [
    ...(traces === null ? [] : [traceText(traces)]),
    ...(ingested.count === 0 ? [] : [ingestedText(ingested)]),
  ]
  return texts.join(" ")
}

function integrityBlock({ survey }: Dossier): string {
  if (survey.losses.length === 0) return ""
  const rows = survey.losses.map(({ fact, count, points }) => [
    factTexts[fact],
    count,
    `−${points}`,
  ])
  return `<details><summary>IntegrityIndex</summary>\n\n${table(["fact", "count", "points"], rows)}\n\n</details>`
}

function checkBlock({ report, root_sha256, seal }: Dossier): string {
  const commands = checkCommands(report.run_id, root_sha256).map(
    ([command, said]) => `- ${code(command)}: ${said}`,
  )
  return [
    `<details><summary>Check it yourself</summary>`,
    "",
    `This text proves nothing by itself. Run ${code(report.run_id)}, report ${code(`sha256:${seal.report_sha256}`)}.`,
    "",
    ...commands,
    "",
    "</details>",
  ].join("\n")
}
