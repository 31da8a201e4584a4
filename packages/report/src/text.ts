import type { SurveyedEvent, SurveyedSession } from "@amc/score"
import type { Dossier } from "./dossier.ts"
import { safeText } from "./safe-text.ts"
import { utcTime } from "./utc.ts"
import { checkCommands, counted, factTexts, limitsOf, markTexts, proveCommand } from "./wording.ts"

const lineMax = 2000
const eventsMax = 3
const sessionsMax = 20
const incidentsMax = 20

/** What lies behind the levels, for a terminal: it goes below the view of the report itself. */
export function behindLines(dossier: Dossier): readonly string[] {
  return linesOf(dossier).map((line) => safeText(line, lineMax))
}

function linesOf(dossier: Dossier): readonly string[] {
  const { report, survey, root_sha256 } = dossier
  return [
    ...limitsOf(report),
    "",
    `IntegrityIndex ${report.integrity_index} of 100:`,
    ...survey.losses.map(
      ({ fact, count, points }) => `  -${String(points).padEnd(4)} ${factTexts[fact]} (${count})`,
    ),
    "",
    ...eventLines(dossier),
    ...sessionLines(dossier),
    ...incidentLines(dossier),
    ...configLines(dossier),
    "Check it yourself:",
    ...checkCommands(report.run_id, root_sha256).flatMap(([command, said]) => [
      `  ${said}`,
      `    ${command}`,
    ]),
  ]
}

function eventLines({ report, survey }: Dossier): readonly string[] {
  const events = new Map(survey.deciding.map((event) => [event.hash, event]))
  const lines = report.questions.flatMap((question) => {
    const found = question.events.flatMap((hash) => events.get(hash) ?? [])
    return found.length === 0
      ? []
      : [`  ${question.id}`, ...found.slice(0, eventsMax).map(eventLine)]
  })
  const [first] = survey.deciding
  if (first === undefined) return []
  return [
    "Some of the events that decided, failures first:",
    ...lines,
    `  to prove one: ${proveCommand(first)}`,
    "",
  ]
}

function eventLine({ lseq, ts, type, hash }: SurveyedEvent): string {
  return `    #${String(lseq).padEnd(6)} ${utcTime(ts)}  ${type.padEnd(20)} ${hash}`
}

function sessionLines({ survey: { sessions, sessions_left_out } }: Dossier): readonly string[] {
  const shown = sessions.slice(-sessionsMax)
  const left = sessions.length - shown.length + sessions_left_out
  return [
    `Sessions${left === 0 ? "" : ` (${left} more in the other formats or left out)`}:`,
    ...shown.map(sessionLine),
    "",
  ]
}

function sessionLine(each: SurveyedSession): string {
  const { session, last_ms, posture, end, successes, requests, check, marks } = each
  const doubts = marks.map((mark) => markTexts[mark]).join(", ")
  return `  ${session}  ${utcTime(last_ms)}  ${posture}  ${end}  ${successes}/${requests} calls  check ${check ?? "none"}${doubts === "" ? "" : `  ${doubts}`}`
}

function incidentLines({ survey: { incidents } }: Dossier): readonly string[] {
  if (incidents.length === 0) return []
  return [
    `Gaps and audits, the last of ${counted(incidents.length, "event")}:`,
    ...incidents.slice(-incidentsMax).map(incidentLine),
    "",
  ]
}

function incidentLine({ lseq, ts, type, measured }: SurveyedEvent): string {
  const said = [measured["code"] ?? measured["reason"], measured["subject"]]
  const words = said.flatMap((each) => (each === undefined ? [] : [String(each)]))
  return `  #${String(lseq).padEnd(6)} ${utcTime(ts)}  ${type}  ${words.join("  ")}`
}

function configLines({ survey: { configs } }: Dossier): readonly string[] {
  if (configs.length === 0) return []
  const lines = configs.map(
    ({ path, state, version, lseq }) =>
      `  ${path}  ${state}${version === null ? "" : ` at version ${version}`}, event #${lseq}`,
  )
  return ["Signed files:", ...lines, ""]
}
