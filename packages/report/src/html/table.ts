import { type Content, html, type Markup } from "./markup.ts"

/** A table as the page has it: one that is too wide scrolls by itself, also by keyboard. */
export interface Table {
  /** What it is, for those who don't see it. */
  readonly label: string
  /** The names of its columns; one that starts with # heads numbers. */
  readonly head: readonly string[]
  readonly rows: Content
  readonly kind?: "tight" | "tight fit"
  readonly isCaptioned?: true
}

export function table({ label, head, rows, kind, isCaptioned }: Table): Markup {
  const caption =
    isCaptioned === true
      ? html`<caption>
          ${label}
        </caption>`
      : null
  const names = head.map((name) => heading(name))
  return html`<div class="scroll" role="group" tabindex="0" aria-label="${label}">
    <table class="${kind ?? ""}">
      ${caption}
      <thead>
        <tr>
          ${names}
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </div>`
}

function heading(name: string): Markup {
  return name.startsWith("#")
    ? html`<th scope="col" class="num">${name.slice(1)}</th>`
    : html`<th scope="col">${name}</th>`
}
