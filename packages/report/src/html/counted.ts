import type { ReportedQuestion, Survey } from "@amc/score"
import { claimantsOf } from "../wording.ts"
import { html, type Markup } from "./markup.ts"
import { table } from "./table.ts"

type About = Survey["questions"][number]

/** What was counted for a question, who claims what of it, and the gates in the way. */
export function countedPart(question: ReportedQuestion, about: About | undefined): Markup {
  const { units, missing } = question
  const { n, k, unknown, sessions, days } = units
  const cells = [n, k, n - k - unknown, unknown, sessions, days]
  const rows = html`<tr>
    ${cells.map((cell) => html`<td class="num">${cell}</td>`)}
  </tr>`
  const head = ["#units", "#passed", "#failed", "#unknown", "#sessions", "#days"]
  const label = `What was counted for ${question.id}`
  return html`${aboutText(about)}${claimText(question)}
  ${table({ label, head, rows, kind: "tight fit", isCaptioned: true })}
  ${missing.length === 0 ? null : gateTable(question)}`
}

function aboutText(about: About | undefined): Markup | null {
  if (about === undefined) return null
  return html`<p class="small">
    <span class="dim">Counted:</span> ${about.measures}.
    <span class="dim">Needs to be seen:</span> ${about.exposure}.
    <span class="dim">Evidence counts half after</span> ${about.half_life_days} days.
  </p>`
}

function claimText(question: ReportedQuestion): Markup | null {
  if (question.claims.length === 0) return null
  return html`<p class="small">
    <span class="dim">Claimed by:</span> ${claimantsOf(question)}.
    <span class="dim">A claim is no evidence.</span>
  </p>`
}

function gateTable({ id, missing, binding_gate: binding }: ReportedQuestion): Markup {
  const rows = missing.map(({ gate, have, need, text }) => {
    const mark = gate === binding ? html` <span class="dim">binds</span>` : null
    return html`<tr>
      <th scope="row">${gate}${mark}</th>
      <td class="num">${have}</td>
      <td class="num">${need}</td>
      <td>${text}</td>
    </tr> `
  })
  const label = `Gates that stop the next level of ${id}`
  const head = ["gate", "#have", "#need", "in words"]
  return table({ label, head, rows, kind: "tight fit", isCaptioned: true })
}
