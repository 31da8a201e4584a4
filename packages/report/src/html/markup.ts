import { safeText } from "../safe-text.ts"

/** HTML that was made here: everything else is text. */
export class Markup {
  readonly source: string

  constructor(source: string) {
    this.source = source
  }
}

export type Content = string | number | Markup | null | readonly Content[]

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
  "`": "&#96;",
}

/**
 * A template whose values are escaped unless they are markup themselves, so that text from outside stays
 * text in content and in quoted attributes. Values never belong into tags, comments or styles.
 */
export function html(parts: TemplateStringsArray, ...values: readonly Content[]): Markup {
  return new Markup(
    parts.map((part, at) => withoutIndent(part) + sourceOf(values[at] ?? null)).join(""),
  )
}

/** The sources are indented; the page need not be, and white space is one blank to it. */
function withoutIndent(part: string): string {
  return part.replaceAll(/\n\s*/g, " ")
}

/** Where a line of the page ends, so that two of them can be compared. */
export const lineEnd: Markup = new Markup("\n")

function sourceOf(content: Content): string {
  if (content === null) return ""
  if (content instanceof Markup) return content.source
  if (Array.isArray(content)) return content.map(sourceOf).join("")
  return escapeText(String(content))
}

function escapeText(text: string): string {
  return safeText(text, 4096).replaceAll(/[&<>"'`]/g, (character) => entities[character] ?? "")
}
