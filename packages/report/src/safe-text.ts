import { printable } from "@amc/core"

/** So many marks may stand on one letter; more would be drawn over the lines around it. */
const marksMax = 4

/**
 * A text from outside as characters that stand still wherever they are shown: controls, direction
 * overrides, lone surrogates and towers of marks become visible escapes, and what is long is cut.
 */
export function safeText(text: string, lengthMax = 512): string {
  const shown = printable(text.slice(0, lengthMax).toWellFormed())
  const steady = shown.replaceAll(/\p{M}{5,}/gu, (marks) => flattened(marks))
  return text.length > lengthMax ? `${steady}…` : steady
}

function flattened(marks: string): string {
  const all = [...marks]
  const escaped = all.slice(marksMax).map((mark) => `\\u{${mark.codePointAt(0)?.toString(16)}}`)
  return [...all.slice(0, marksMax), ...escaped].join("")
}
