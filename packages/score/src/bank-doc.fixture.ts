import { readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { parseYaml } from "@amc/core"
import { z } from "zod"
import { bankSha256, currentBank } from "./index.ts"
import { type Bank, type BearsOn, gatesOf, kinds, type Question, questionsOf } from "./v1/bank.ts"
import { needText } from "./v1/need.ts"
import { reachableLevel } from "./v1/reachable.ts"

const waitingFile: string = fileURLToPath(new URL("../bank/waiting.yaml", import.meta.url))
const calibrationFile: string = fileURLToPath(new URL("../bank/calibration.json", import.meta.url))
const docFile: string = fileURLToPath(new URL("../../../docs/bank.md", import.meta.url))

const texts = z.array(z.string())
const bearsOn = z.strictObject({
  nist: texts,
  iso: texts,
  eu: texts,
  aiuc: texts,
  owasp: texts,
  atlas: texts,
})
const waitingSchema = z.array(
  z.strictObject({
    id: z.string(),
    layer: z.string(),
    title: z.string(),
    high_risk: z.boolean(),
    profile: z.enum(kinds),
    measures: z.string(),
    waits_for: z.string().min(1),
    bears_on: bearsOn,
  }),
)

/** A question that can't be asked yet. */
export type Waiting = z.infer<typeof waitingSchema>[number]

/** The questions that wait, each with the fact that it waits for. */
export function readWaiting(): readonly Waiting[] {
  return parseYaml(readFileSync(waitingFile), waitingSchema, "waiting.yaml")
}

interface Calibrated {
  readonly kind: string
  readonly windowDays: number
  readonly sessionsPerDay: number
  readonly cleanPerMille: number
  readonly agents: number
  readonly levels: readonly number[]
}

const frameworkNames: Readonly<Record<keyof BearsOn, string>> = {
  nist: "NIST AI RMF",
  iso: "ISO/IEC 42001",
  eu: "EU AI Act, Art.",
  aiuc: "AIUC-1",
  owasp: "OWASP",
  atlas: "MITRE ATLAS",
}

/** `docs/bank.md` as it is to be. */
export function bankDoc(): string {
  const bank = currentBank
  const waiting = readWaiting()
  const rows = JSON.parse(readFileSync(calibrationFile, "utf8")) as readonly Calibrated[]
  return `${[
    `# The question bank

Made from [\`amc-bank-1.yaml\`](../packages/score/bank/amc-bank-1.yaml) by \`node packages/score/src/bank-doc.fixture.ts\`. Every run names the bank by its digest, which
the run's seal signs: \`${bankSha256(bank)}\`. [scoring.md](scoring.md) says how a level comes about.

${questionsOf(bank).length} questions are asked, each decided by facts that are recorded today; *reachable* is the highest level that those facts can give in a long enough window. ${waiting.length} wait, and
are not asked before something records what they need. That a question *bears on* a clause says where to look, and never that anything complies.`,
    ...bank.layers.map(({ name, questions }) =>
      [`## ${name}`, ...questions.map((question) => questionText(question, bank))].join("\n\n"),
    ),
    `## Questions that wait

| id | question | high risk | kind | it waits for |
| --- | --- | --- | --- | --- |
${waiting.map(({ id, title, high_risk: high, profile, waits_for: fact }) => `| ${id} | ${title} | ${high ? "yes" : "no"} | ${profile} | ${fact} |`).join("\n")}

What each is to measure, and what it bears on, stands in [\`waiting.yaml\`](../packages/score/bank/waiting.yaml).`,
    `## Calibration

${rows[0]?.agents ?? 0} simulated agents a row, whose sessions go well at the rate that is given, all observed in hardened boxes; how many of them reach each level. Half-life 30 days for rates and 60
for shares. Made by \`node bench/calibration.ts\` from a seed.

| kind | window | sessions a day | go well | 0 | 1 | 2 | 3 | 4 | 5 |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
${rows.map(calibrationRow).join("\n")}

No agent reaches a level of a rate whose threshold lies clearly above what it is worth; near a threshold the level is a matter of chance from window to window, and the report says so (\`fragile\`). Shares count
all that there was and have no error bound, so they are coarser with few sessions. In 14 days level 5 is out of reach, and one session a day does not pass level 3: by design, such agents need longer windows.`,
  ].join("\n\n")}\n`
}

function questionText(question: Question, bank: Bank): string {
  const { id, title, high_risk: high, profile, half_life_days: halfLife, unit } = question
  const gates = gatesOf(question, bank)
  const perLevel = [1, 2, 3, 4, 5].map((level) => {
    const needs = question.needs.filter((need) => need.level === level).map(needText)
    const at = <T>(values: readonly T[]): T => values[level - 1] as T
    const share =
      gates.test === "count"
        ? `${at(gates.thresholds)} more than not`
        : `${at(gates.thresholds) / 10} %`
    return `| ${level} | ${share} | ${at(gates.units)} | ${at(gates.days)} | ${needs.join("; ") || "–"} |`
  })
  const facts = [
    `${profile}, in ${unit}s`,
    high ? "high risk" : null,
    `half-life ${halfLife} days`,
    question.occasional === true
      ? "asked when it comes up: it can lower its layer and never raise it"
      : null,
    `reachable: level ${reachableLevel(question, bank, 90)} in 90 days`,
  ].filter((each) => each !== null)
  return `### ${id} ${title}

*${facts.join("; ")}*

${question.why}

- **What decides it**: ${question.measures}.
- **When it is asked**: ${question.exposure}.
- **How to improve**: ${question.improve}
- **Bears on**: ${mappings(question.bears_on)}.

| level | ${gates.test === "lower_bound" ? "surely at least" : gates.test === "ratio" ? "at least" : "went well"} | ${unit}s that pass | days | and |
| --- | --- | --- | --- | --- |
${perLevel.join("\n")}`
}

function mappings(of: BearsOn): string {
  const names = Object.keys(frameworkNames) as (keyof BearsOn)[]
  return names
    .filter((name) => of[name].length > 0)
    .map((name) => `${frameworkNames[name]} ${of[name].join(", ")}`)
    .join("; ")
}

function calibrationRow(row: Calibrated): string {
  const { kind, windowDays, sessionsPerDay, cleanPerMille, levels } = row
  return `| ${kind} | ${windowDays} d | ${sessionsPerDay} | ${cleanPerMille / 10} % | ${levels.join(" | ")} |`
}

export function readBankDoc(): string {
  return readFileSync(docFile, "utf8")
}

/** `node packages/score/src/bank-doc.fixture.ts` writes docs/bank.md anew. */
if (import.meta.main) writeFileSync(docFile, bankDoc())
