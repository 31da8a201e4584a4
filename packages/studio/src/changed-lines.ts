import { isFault, text } from "@amc/core"

/**
 * What changed between two texts, as lines that went (`-`) and lines that came (`+`): all between the
 * first line and the last that differ. Empty for equal bytes.
 */
export function changedLines(before: Uint8Array, after: Uint8Array): readonly string[] {
  const [old, now] = [linesOf(before), linesOf(after)]
  const isEqual = (at: number, other: number): boolean => old[at] === now[other]
  let start = 0
  while (start < old.length && start < now.length && isEqual(start, start)) start++
  let end = 0
  const rest = Math.min(old.length, now.length) - start
  while (end < rest && isEqual(old.length - 1 - end, now.length - 1 - end)) end++
  return [
    ...old.slice(start, old.length - end).map((line) => `- ${line}`),
    ...now.slice(start, now.length - end).map((line) => `+ ${line}`),
  ]
}

function linesOf(bytes: Uint8Array): readonly string[] {
  try {
    return text(bytes).split("\n")
  } catch (error) {
    if (isFault(error)) return ["(no text)"]
    throw error
  }
}
