import type { Report } from "@amc/score"
import { claimedOf, gapOf, gapText } from "../wording.ts"
import { bar } from "./bar.ts"
import { compass } from "./compass.ts"
import { html, type Markup } from "./markup.ts"

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
      <div class="scroll">${layerTable(report)}</div>
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
  const rows = report.layers.map(({ name, level }) => row(name, level, claimedOf(report, name)))
  return html`<table>
      <thead>
        <tr>
          <th scope="col">layer</th>
          <th scope="col">shown</th>
          <th scope="col" class="num">claimed</th>
          <th scope="col" class="num">gap</th>
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
    <p class="dim small">
      Claimed for a layer is the lowest level that is claimed for one of its questions.
    </p>`
}

function row(name: string, level: Report["overall"], claimed: number | null): Markup {
  return html`<tr>
    <th scope="row">${name}</th>
    <td class="nowrap">${bar(level, claimed)}<strong>${level}</strong></td>
    <td class="num">${claimed ?? "–"}</td>
    <td class="num">${gapText(gapOf(level, claimed))}</td>
  </tr> `
}
