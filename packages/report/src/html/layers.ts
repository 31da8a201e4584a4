import type { Report } from "@amc/score"
import { gapOf, gapText } from "../wording.ts"
import { bar } from "./bar.ts"
import { compass } from "./compass.ts"
import { html, type Markup } from "./markup.ts"
import { table } from "./table.ts"

/** The layers drawn and in words, what is claimed beside what was shown. */
export function layersSection(report: Report): Markup {
  const drawn = compass(report)
  const figure = drawn === null ? null : html`<div>${drawn}${key(report)}</div>`
  return html`<section aria-labelledby="layers">
    <h2 id="layers">Compass</h2>
    <p class="dim small">
      Levels go from 0 to 5. Claims stand beside the evidence and never change a level.
    </p>
    <div class="split">
      ${figure}
      <div>${layerTable(report)}</div>
    </div>
  </section> `
}

function key({ layers, questions }: Report): Markup {
  const isUnknown = layers.some(({ level }) => level === "U")
  const isClaimed = questions.some(({ claimed }) => claimed !== null)
  const unknown = html`<li>
    <svg width="13" height="11" aria-hidden="true">
      <rect class="unknown" x="0.5" y="0.5" width="12" height="10" rx="2" /></svg
    >U, not seen
  </li>`
  const claimed = html`<li>
    <svg width="16" height="11" aria-hidden="true"><path class="claim" d="M2 6H14" /></svg>claimed
  </li>`
  return html`<ul class="key">
    <li>
      <svg width="13" height="11" aria-hidden="true">
        <rect class="on" width="13" height="11" rx="2" /></svg
      >shown by evidence
    </li>
    ${isUnknown ? unknown : null}${isClaimed ? claimed : null}
  </ul>`
}

function layerTable(report: Report): Markup {
  const rows = report.layers.map(row)
  const head = ["layer", "shown", "#claimed", "#gap"]
  return html`${table({ label: "Levels of the layers", head, rows })}
    <p class="dim small">
      Claimed is the level that the claims alone would come to by the same rules.
    </p>`
}

function row({ name, level, claimed }: Report["layers"][number]): Markup {
  return html`<tr>
    <th scope="row">${name}</th>
    <td class="nowrap">${bar(level, claimed)}<strong>${level}</strong></td>
    <td class="num">${claimed ?? "–"}</td>
    <td class="num">${gapText(gapOf(level, claimed))}</td>
  </tr> `
}
