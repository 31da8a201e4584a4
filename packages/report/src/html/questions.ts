import type { Report, ReportedQuestion, Survey, SurveyedEvent } from "@amc/score"
import type { Dossier } from "../dossier.ts"
import { ceilingOf, gapOf, gapText, goalOf, whyOf } from "../wording.ts"
import { bar } from "./bar.ts"
import { eventList } from "./events.ts"
import { html, type Markup } from "./markup.ts"

type About = Survey["questions"][number]

/** Each question under its layer: its level and why, what to do next, and the evidence down to the events. */
export function questionsSection({ report, survey }: Dossier): Markup {
  const abouts = new Map(survey.questions.map((about) => [about.id, about]))
  const events = new Map(survey.deciding.map((event) => [event.hash, event]))
  const layers = report.layers.map(({ name }) => layerPart(report, name, { abouts, events }))
  return html`<section aria-labelledby="questions">
    <h2 id="questions">Questions</h2>
    <p class="dim small">
      A layer has the level that all its high-risk questions and four fifths of all its questions
      have reached. U means that nothing was seen.
    </p>
    ${layers}
  </section> `
}

interface Behind {
  readonly abouts: ReadonlyMap<string, About>
  readonly events: ReadonlyMap<string, SurveyedEvent>
}

function layerPart({ questions }: Report, name: string, behind: Behind): Markup {
  const own = questions.filter(({ layer }) => layer === name)
  return html`<h3>${name}</h3>
    ${own.map((question) => questionPart(question, behind))}`
}

function questionPart(question: ReportedQuestion, { abouts, events }: Behind): Markup {
  const { id, title, level, claimed, missing } = question
  const about = abouts.get(id)
  const found = question.events.flatMap((hash) => events.get(hash) ?? [])
  const ceiling = ceilingOf(question)
  return html`<article class="question">
    <header>
      <h4>
        <span class="id mono">${id}</span
        >${title}${about?.high_risk === true ? html` <span class="dim small">high risk</span>` : null}
      </h4>
      <span class="score"
        >${bar(level, claimed)}<strong>${level === "U" ? "U" : `level ${level}`}</strong>${claimText(question)}</span
      >
    </header>
    <p>${whyOf(question, about?.unit)}</p>
    ${
      missing.length === 0
        ? null
        : html`<p class="small"><strong>${goalOf(level)}</strong></p>
            <ul class="next small">
              ${missing.map(({ text }) => html`<li>${text}</li>`)}
            </ul> `
    }${ceiling === null ? null : html`<p class="small dim">${ceiling}</p> `}
    <details class="evidence">
      <summary>Evidence and gates</summary>
      ${countTable(question, about)}
      ${
        found.length === 0
          ? html`<p class="small dim">No event decided this question.</p>`
          : html`<p class="small">The events that decided, failures first, ten at most:</p>
              ${eventList(found)}`
      }
    </details>
  </article> `
}

function claimText({ level, claimed }: ReportedQuestion): Markup | null {
  if (claimed === null) return null
  const gap = gapOf(level, claimed)
  return html` <span class="claimed small">claimed ${claimed} (${gapText(gap)})</span>`
}

function countTable(question: ReportedQuestion, about: About | undefined): Markup {
  const { units, missing, binding_gate, id } = question
  const { n, k, unknown, sessions, days } = units
  const asked =
    about === undefined
      ? null
      : html`<p class="small">
          <span class="dim">Counted:</span> ${about.measures}.
          <span class="dim">Needs to be seen:</span> ${about.exposure}.
          <span class="dim">Evidence counts half after</span> ${about.half_life_days} days.
        </p>`
  return html`${asked}
    <div class="scroll">
      <table class="tight fit">
        <caption>
          What was counted for ${id}
        </caption>
        <thead>
          <tr>
            <th scope="col" class="num">units</th>
            <th scope="col" class="num">passed</th>
            <th scope="col" class="num">failed</th>
            <th scope="col" class="num">unknown</th>
            <th scope="col" class="num">sessions</th>
            <th scope="col" class="num">days</th>
          </tr>
        </thead>
        <tbody>
          <tr>
            <td class="num">${n}</td>
            <td class="num">${k}</td>
            <td class="num">${n - k - unknown}</td>
            <td class="num">${unknown}</td>
            <td class="num">${sessions}</td>
            <td class="num">${days}</td>
          </tr>
        </tbody>
      </table>
    </div>
    ${missing.length === 0 ? null : gateTable(missing, binding_gate)}`
}

function gateTable(
  missing: ReportedQuestion["missing"],
  binding: ReportedQuestion["binding_gate"],
): Markup {
  const rows = missing.map(
    ({ gate, have, need, text }) =>
      html`<tr>
        <th scope="row">
          ${gate}${gate === binding ? html` <span class="dim">binds</span>` : null}
        </th>
        <td class="num">${have}</td>
        <td class="num">${need}</td>
        <td>${text}</td>
      </tr> `,
  )
  return html`<div class="scroll">
    <table class="tight fit">
      <caption>
        Gates that stop the next level
      </caption>
      <thead>
        <tr>
          <th scope="col">gate</th>
          <th scope="col" class="num">have</th>
          <th scope="col" class="num">need</th>
          <th scope="col">in words</th>
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </div>`
}
