import type { Dossier } from "../dossier.ts"
import { utcDay } from "../utc.ts"
import { counted, labelTexts, limitsOf, obstaclesOf, postureTexts } from "../wording.ts"
import { html, type Markup } from "./markup.ts"
import { table } from "./table.ts"

/** Whose report it is and whether it counts, before any number. */
export function pageHeader({ report, workspace }: Dossier): Markup {
  const { agent, status, run_id, window } = report
  const isValid = status === "VALID"
  return html`<header>
    <p class="kicker">
      Evidence report of workspace ${workspace}, ${utcDay(window.from_ms)} to
      ${utcDay(window.to_ms)} (UTC)
    </p>
    <h1>
      ${agent}
      <span class="pill ${isValid ? "good" : "bad"}">${isValid ? "✓" : "✗"} ${status}</span>
    </h1>
    <p class="kicker mono">${run_id}</p>
    ${statusNote(report)}
  </header> `
}

function statusNote({ status, status_reasons: reasons }: Dossier["report"]): Markup {
  const list =
    reasons.length === 1
      ? html`<p>${reasons}.</p>`
      : html`<ul>
          ${reasons.map((reason) => html`<li>${reason}</li>`)}
        </ul>`
  if (status === "VALID")
    return html`<div class="note good">
      <p><strong>The evidence holds.</strong></p>
      ${list}
    </div>`
  return html`<div class="note bad">
    <p>
      <strong>INVALID: this report counts for nothing.</strong> The levels below are indicative;
      gates and certificates refuse it.
    </p>
    ${list}
  </div>`
}

/** The few numbers that a reader takes away, with what they do not say beside them. */
export function summarySection(dossier: Dossier): Markup {
  const { report } = dossier
  const { overall, trust_label: label, integrity_index: index, posture, sessions } = report
  const cards: readonly (readonly [string, string, string])[] = [
    ["Overall level", overall === "U" ? "U" : `${overall} of 5`, "the lowest of the layers"],
    ["Trust label", label, labelTexts[label]],
    ["IntegrityIndex", `${index} of 100`, "what weakens the evidence is listed below"],
    ["Posture", posture, postureTexts[posture]],
    [
      "Sessions",
      String(sessions.opened),
      `${sessions.sealed} sealed, ${sessions.exposed} with a successful answer, ${sessions.counted} counted`,
    ],
    [
      "Days",
      String(sessions.days),
      `with counted sessions, ${utcDay(report.window.from_ms)} to ${utcDay(report.window.to_ms)}`,
    ],
    ["Stale after", utcDay(report.stale_after_ms), "by your own clock: then run again"],
    claimCard(dossier),
  ]
  return html`<dl class="facts">
      ${cards.map(
        ([name, value, said]) =>
          html`<div>
            <dt>${name}</dt>
            <dd>${value}<small>${said}</small></dd>
          </div> `,
      )}
    </dl>
    <div class="limits">
      ${limitsOf(report).map((text) => html`<p>${text}</p>`)}${verifierText(dossier)}
    </div> `
}

function claimCard({ report: { claim_gap: gap } }: Dossier): readonly [string, string, string] {
  if (gap === null) return ["Claimed", "nothing", "nobody claimed a level"]
  return [
    "Claimed above shown",
    gap.mean,
    `levels on average over ${counted(gap.questions, "question")}, ${gap.max} at most; overall they come to ${gap.overall}`,
  ]
}

function verifierText({ verifier_label: label, report }: Dossier): Markup | null {
  if (label === null) return null
  return html`<p>
    The verifier of this bundle gives it ${label}; it was sealed as ${report.trust_label}.
  </p>`
}

/** What to do, the most common obstacle of the lowest questions first. */
export function nextSection({ report }: Dossier): Markup | null {
  const all = obstaclesOf(report)
  if (all.length === 0) return null
  const { overall } = report
  const goal = overall === "U" ? "To be rated at all" : `To overall level ${overall + 1}`
  const rows = all.map(
    ({ text, questions }) =>
      html`<tr>
        <td>${text}</td>
        <td class="mono">${questions.join(", ")}</td>
      </tr> `,
  )
  return html`<section aria-labelledby="next">
    <h2 id="next">What to do next</h2>
    <p class="dim small">${goal}: what holds the lowest questions back, the most common first.</p>
    ${table({ label: "What is missing", head: ["missing", "questions"], rows })}
  </section> `
}
