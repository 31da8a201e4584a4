import type { Report, ReportedQuestion, Survey, SurveyedEvent } from "@amc/score"
import type { Dossier } from "../dossier.ts"
import { boundOf, ceilingOf, gapOf, gapText, goalOf, outlookOf, whyOf } from "../wording.ts"
import { bar } from "./bar.ts"
import { eventList } from "./events.ts"
import { html, lineEnd, type Markup } from "./markup.ts"
import { countedPart } from "./counted.ts"

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
    ${own.map((question) => [lineEnd, questionPart(question, behind)])}`
}

function questionPart(question: ReportedQuestion, { abouts, events }: Behind): Markup {
  const { id, title, level, claimed, missing } = question
  const about = abouts.get(id)
  const found = question.events.flatMap((hash) => events.get(hash) ?? [])
  const beside = [...outlookOf(question, about?.unit), ...ceilingOf(question)].join(" ")
  const bound = boundOf(question)
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
    ${about === undefined ? null : html`<p class="small dim">${about.why}</p> `}
    <p>${whyOf(question, about?.unit)}${bound === null ? null : ` ${bound}`}</p>
    ${
      missing.length === 0
        ? null
        : html`<p class="small"><strong>${goalOf(level)}</strong></p>
            <ul class="next small">
              ${missing.map(({ text }) => html`<li>${text}</li>`)}
            </ul> `
    }${about === undefined || level === 5 ? null : html`<p class="small"><strong>How to improve:</strong> ${about.improve}</p> `}${beside === "" ? null : html`<p class="small dim">${beside}</p> `}
    <details class="evidence">
      <summary>Evidence and gates</summary>
      ${countedPart(question, about)}
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
  return html` <span class="claimed small">claimed ${claimed}, gap ${gapText(gap)}</span>`
}
