import { counted } from "../wording.ts"

/** Comments of a pull request may have 65,536 characters, and somebody may write above or below. */
const sizeMax = 60_000

/** Whole blocks only: a table or a fence that is cut in the middle would take the rest with it. */
export function bounded(blocks: readonly string[]): string {
  const kept: string[] = []
  let size = 0
  for (const block of blocks) {
    size += block.length + 2
    if (size <= sizeMax - 200) kept.push(block)
  }
  const note = leftOut(blocks.length - kept.length, "part")
  return `${[...kept, ...note].join("\n\n")}\n`
}

/** What was cut is said. */
export function leftOut(count: number, noun: string): readonly string[] {
  return count > 0 ? [`${counted(count, noun)} left out for length: see the HTML report.`] : []
}

/** A table with a head. Cells are safe already. */
export function table(
  head: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string {
  return [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n")
}
