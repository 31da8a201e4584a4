import type { IsolationVerdict, ProbeCheck, ProbeRecord } from "@amc/core"

/** What one arrangement came to: the verdict of each check, and of the whole. */
export interface MatrixColumn {
  readonly cells: Readonly<Record<string, string>>
  /** What is wrong with it beside its checks. */
  readonly structure: readonly string[]
}

const postureRow = "posture"

/** A column from what the monitor records; what a verifier would say of it stands in the first row. */
export function columnOf(record: ProbeRecord, verdict: IsolationVerdict): MatrixColumn {
  const posture = verdict.hardened ? "hardened" : verdict.posture
  const checks = record.checks.map((check) => [check.id, cellOf(check)] as const)
  const ids = new Set(record.checks.map(({ id }) => id))
  return {
    cells: { [postureRow]: posture, ...Object.fromEntries(checks) },
    structure: verdict.reasons.filter((reason) => !ids.has(reason.split(" ")[0] ?? "")),
  }
}

/** The recorder has already said what is inconclusive for want of a control. */
function cellOf({ expect, outcome }: ProbeCheck): string {
  if (outcome === "inconclusive") return "?"
  return outcome === expect ? "pass" : "FAIL"
}

/** The columns of a table of the committed file, by their heads. */
export function parseColumns(markdown: string): ReadonlyMap<string, MatrixColumn> {
  const rows = markdown
    .split("\n")
    .filter((line) => line.startsWith("| ") && !line.startsWith("| ---"))
    .map((line) =>
      line
        .slice(2, -2)
        .split(" | ")
        .map((cell) => cell.trim()),
    )
  const [heads = [], ...body] = rows
  return new Map(
    heads.slice(1).map((head, index) => {
      const filled = body.filter((row) => row[index + 1] !== "")
      const cells = filled.map((row) => [idOf(row[0] ?? ""), row[index + 1] ?? ""] as const)
      return [head, { cells: Object.fromEntries(cells), structure: structureOf(markdown, head) }]
    }),
  )
}

function idOf(cell: string): string {
  return cell.replaceAll(/[`*]/g, "")
}

function structureOf(markdown: string, head: string): readonly string[] {
  const line = markdown.split("\n").find((each) => each.startsWith(`- ${head}: `)) ?? ""
  const text = line.slice(head.length + 4)
  return text === "nothing" || text === "" ? [] : text.split("; ")
}

/** The same columns as the file holds them. */
export function renderColumns(columns: ReadonlyMap<string, MatrixColumn>): string {
  const heads = [...columns.keys()]
  const ids = [...new Set([...columns.values()].flatMap(({ cells }) => Object.keys(cells)))]
  const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`
  const body = ids.map((id) =>
    row([`\`${id}\``, ...heads.map((head) => columns.get(head)?.cells[id] ?? "")]),
  )
  const structure = heads.map((head) => {
    const found = columns.get(head)?.structure ?? []
    return `- ${head}: ${found.length === 0 ? "nothing" : found.join("; ")}`
  })
  const rule = row(["---", ...heads.map(() => "---")])
  return [row(["check", ...heads]), rule, ...body, "", ...structure, ""].join("\n")
}
