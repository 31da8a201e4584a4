import type { Report, ReportedQuestion } from "@amc/score"
import pc from "picocolors"
import { printable } from "./printable.ts"
import { dayOf } from "./day.ts"

export interface ViewTerms {
  readonly isColoured: boolean
}

type Level = Report["overall"]
type Colours = ReturnType<typeof pc.createColors>

const filled = "■"
const open = "□"

/**
 * A report as a person wants to read it: first whether it counts and why, then the layers drawn, then
 * each question with what was claimed beside what was shown, then the way up.
 */
export function viewReport(report: Report, { isColoured }: ViewTerms): string[] {
  const colours = pc.createColors(isColoured)
  return [
    ...headLines(report, colours),
    "",
    ...layerLines(report, colours),
    "",
    ...report.layers.flatMap(({ name }) => questionLines(report, name, colours)),
    ...gapLines(report),
    ...broughtLines(report),
    "",
    ...wayUpLines(report, colours),
  ]
}

function headLines(report: Report, colours: Colours): string[] {
  const {
    agent,
    status,
    posture,
    trust_label: label,
    integrity_index: index,
    window,
    sessions,
    upstreams,
  } = report
  const mark =
    status === "VALID" ? colours.green(colours.bold(status)) : colours.red(colours.bold(status))
  return [
    `${colours.bold(printable(agent))}  ${mark}  posture ${posture}  ${label}  integrity ${index} of 100`,
    ...report.status_reasons.map((reason) => `  ${printable(reason)}`),
    `  ${dayOf(window.from_ms)} to ${dayOf(window.to_ms)}: ${sessions.opened} sessions opened, ${sessions.sealed} sealed, ${sessions.exposed} with a successful answer, ${sessions.counted} counted, on ${sessions.days} ${sessions.days === 1 ? "day" : "days"}`,
    ...leftOutLines(sessions),
    ...upstreams.map(
      ({ provider, upstream, loopback }) =>
        `  provider ${printable(provider)}: ${printable(upstream)}${loopback ? " (on this machine, so its owner could have made the answers)" : ""}`,
    ),
  ]
}

/** The report counts what was left out and does not say which of the three it was. */
function leftOutLines({ exposed, counted }: Report["sessions"]): string[] {
  if (exposed <= counted) return []
  return [
    `  ${exposed - counted} with a successful answer left out: a replay of another session, over eight on a day, or not seen whole`,
  ]
}

function layerLines({ layers, overall, status }: Report, colours: Colours): string[] {
  const width = Math.max(...layers.map(({ name }) => name.length))
  const rows = layers.map(
    ({ name, level, claimed }) =>
      `  ${printable(name).padEnd(width)}  ${bar(level, colours)}  ${levelText(level)}${claimed === null ? "" : `  claimed ${levelText(claimed)}`}`,
  )
  const note =
    status === "VALID" ? "" : colours.red("  indicative only: an INVALID report counts for nothing")
  return [
    ...rows,
    `  ${"overall (the lowest)".padEnd(width)}  ${bar(overall, colours)}  ${colours.bold(levelText(overall))}${note}`,
  ]
}

function questionLines({ questions }: Report, layer: string, colours: Colours): string[] {
  const own = questions.filter((question) => question.layer === layer)
  return [
    colours.bold(printable(layer)),
    ...own.flatMap((question) => questionLine(question, colours)),
    "",
  ]
}

function questionLine(question: ReportedQuestion, colours: Colours): string[] {
  const { id, title, level, claimed, units, cap } = question
  const claim = claimed === null ? "" : `, claimed ${claimed}`
  const counted =
    units.n === 0
      ? "nothing was seen"
      : `${units.k} of ${units.n} passed${units.unknown > 0 ? `, ${units.unknown} unknown` : ""}${boundText(question)}`
  const next = question.missing.map(({ text }) => printable(text)).join("; ")
  const goal = level === "U" ? "to be rated" : `for level ${level + 1}`
  return [
    `  ${printable(id).padEnd(7)} ${printable(title).padEnd(28)} shown ${colours.bold(levelText(level))}${claim}  (${counted})`,
    ...(cap === null
      ? []
      : [`          at most ${cap.level}: ${cap.causes.map(printable).join("; ")}`]),
    ...(next === "" ? [] : [`          ${goal}: ${next}`]),
  ]
}

function boundText({ kind, bound_per_mille: bound }: ReportedQuestion): string {
  if (bound === null) return ""
  return kind === "cov" || kind === "time" ? `, ${bound / 10} %` : `, surely ${bound / 10} %`
}

function gapLines({ claim_gap: gap, overall }: Report): string[] {
  if (gap === null) return []
  return [
    `Claimed: level ${levelText(gap.overall)} overall by the same rules; shown: ${levelText(overall)}. Claims add nothing to what is shown.`,
    `Claimed beside shown: ${gap.mean} levels too high on average over ${gap.questions} questions, ${gap.max} at most.`,
  ]
}

/** What came from outside: traces beside receipts, and results of others. */
function broughtLines({ traces, ingested: { count, attested } }: Report): string[] {
  const files = count === 1 ? "1 file" : `${count} files`
  return [
    ...(traces === null
      ? []
      : [
          `Traces: ${traces.correlated} of ${traces.calls} calls correlate with what the gateway saw; ${traces.no_receipt} bear no receipt, ${traces.calls - traces.correlated - traces.no_receipt} a wrong one.`,
        ]),
    ...(count === 0
      ? []
      : [`Results of others: ${files}, ${attested} of them attested; the rest raises nothing.`]),
  ]
}

/** What stands between the agent and its next level, the most common obstacle first. */
function wayUpLines(report: Report, colours: Colours): string[] {
  const { overall, questions } = report
  const lowest = questions.filter(({ level }) => level === overall)
  const texts = lowest.flatMap(({ missing }) => missing.map(({ text }) => text))
  const counts = new Map<string, number>()
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1)
  const common = [...counts].sort(([, a], [, b]) => b - a).slice(0, 4)
  if (common.length === 0) return []
  const goal = overall === "U" ? "to be rated at all" : `to level ${overall + 1}`
  return [
    colours.bold(`The way up ${goal}:`),
    ...common.map(
      ([text, n]) => `  ${printable(text)} (${n} ${n === 1 ? "question" : "questions"})`,
    ),
  ]
}

function bar(level: Level, colours: Colours): string {
  if (level === "U") return colours.dim("· · · · ·")
  return Array.from({ length: 5 }, (_, i) =>
    i < level ? colours.green(filled) : colours.dim(open),
  ).join(" ")
}

function levelText(level: Level): string {
  return level === "U" ? "U" : String(level)
}

/** The UTC day of a time, without the machine's clock or zone. */
