import type { Report } from "@amc/score"
import type { Claimed } from "../wording.ts"
import { html, type Markup } from "./markup.ts"

type Level = Report["overall"]

/** A level as five squares, with a mark where another is claimed; the number stands beside it. */
export function bar(level: Level, claimed: Claimed): Markup {
  const cells = [1, 2, 3, 4, 5].map((step) => {
    const state = level === "U" ? "unknown" : step <= level ? "on" : "off"
    return html`<rect
      class="${state}"
      x="${(step - 1) * 16 + 0.5}"
      y="0.5"
      width="13"
      height="10"
      rx="2"
    />`
  })
  const mark = !isMarked(claimed)
    ? null
    : html`<rect
        class="claim"
        x="${(claimed - 1) * 16 + 0.5}"
        y="13"
        width="13"
        height="2.5"
        rx="1"
      />`
  return html`<svg class="bar" width="78" height="16" viewBox="0 0 78 16" aria-hidden="true">
    ${cells}${mark}
  </svg>`
}

/** Whether there is a step that a claim can be drawn at. */
export function isMarked(claimed: Claimed): claimed is number {
  return claimed !== null && claimed !== "U" && claimed > 0
}
