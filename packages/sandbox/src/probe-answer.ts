/** Facts about a process by name, from inside or outside. */
export type ProcessView = Record<string, string | number | boolean>

export interface CheckResult {
  readonly outcome: "denied" | "reached" | "inconclusive"
  readonly errno: string
}

/** What the probe answers. */
export interface ProbeAnswer {
  readonly results: ReadonlyMap<string, CheckResult>
  readonly inside: ProcessView
}

export const answerBegin = "amc-probe/1"
export const answerEnd = "end"

const checkLine = /^check ([a-z0-9_.]{1,64}) (denied|reached|inconclusive) ([A-Z0-9-]{1,32})$/
const seenLine =
  /^see ([a-z0-9_]{1,64}) (?:s ((?:[!-$&-~]|%[0-9a-f]{2})*)|i (-?\d{1,15})|b ([01]))$/

/** Reads the lines between {@link answerBegin} and {@link answerEnd}; null for lines that are no answer. */
export function parseAnswer(lines: readonly string[]): ProbeAnswer | null {
  const results = new Map<string, CheckResult>()
  const inside: ProcessView = {}
  for (const line of lines) {
    const check = checkLine.exec(line)
    const seen = seenLine.exec(line)
    const id = check?.[1] ?? seen?.[1]
    if (id === undefined || results.has(id) || Object.hasOwn(inside, id)) return null
    if (check !== null)
      results.set(id, {
        outcome: check[2] as CheckResult["outcome"],
        errno: check[3] ?? "",
      })
    else inside[id] = valueOf(seen ?? [])
  }
  return { results, inside }
}

function valueOf([, , text, count, flag]: readonly (string | undefined)[]):
  | string
  | number
  | boolean {
  if (count !== undefined) return Number(count)
  if (flag !== undefined) return flag === "1"
  const decode = (_: string, hex: string): string => String.fromCharCode(Number.parseInt(hex, 16))
  return (text ?? "").replace(/%([0-9a-f]{2})/g, decode)
}
