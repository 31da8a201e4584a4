import { safeText } from "../safe-text.ts"

const lengthMax = 160

/**
 * A text from outside in Markdown. Plain words stay words; anything else is a code span, in which no
 * reader finds markup, a mention, a link, a reference or a formula.
 */
export function inline(text: string): string {
  const safe = safeText(text, lengthMax)
  return isPlain(safe) ? safe : codeSpan(safe)
}

/** A name or an id, which is a code span always. */
export function code(text: string): string {
  return codeSpan(safeText(text, lengthMax))
}

/** Words, numbers and the punctuation of a sentence; nothing that a line may begin with to be more than text. */
function isPlain(text: string): boolean {
  const isWords =
    /^[A-Za-z0-9](?:[A-Za-z0-9 %();,']|&(?= )|[.:](?= |$)|(?<=\d)\.(?=\d)|(?<=[a-z])-(?=[a-z])|(?<=[A-Z])-(?=\d))*$/.test(
      text,
    )
  return isWords && !/^\d+[.)]|\bGH-/.test(text)
}

/** A backtick would end the span, and a bar the cell of a table. */
function codeSpan(text: string): string {
  const shown = text.replaceAll(/[`|]/g, (character) => (character === "|" ? "\\u{7c}" : "\\u{60}"))
  return shown.trim() === "" ? "(empty)" : `\`${shown}\``
}
