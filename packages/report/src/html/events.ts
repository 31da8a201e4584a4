import type { PlainFact, SurveyedEvent } from "@amc/score"
import { isoTime, utcTime } from "../utc.ts"
import { proveCommand } from "../wording.ts"
import { html, type Markup } from "./markup.ts"

/** Events one under the other, each with its place, its facts and the command that proves it. */
export function eventList(events: readonly SurveyedEvent[]): Markup {
  return html`<ul class="events">
    ${events.map((event) => html`<li>${eventEntry(event)}</li> `)}
  </ul>`
}

function eventEntry(event: SurveyedEvent): Markup {
  const { hash, lane, lseq, ts, type, channel, agent, session, tier } = event
  return html`<details>
    <summary>
      <span class="mono">#${lseq}</span><span class="kind">${type}</span
      ><time class="dim" datetime="${isoTime(ts)}">${utcTime(ts)}</time>
      <span class="mono dim">${hash.slice(0, 16)}…</span>
    </summary>
    <dl>
      <dt>event hash</dt>
      <dd class="mono">${hash}</dd>
      <dt>prove it</dt>
      <dd><code>${proveCommand(event)}</code></dd>
      <dt>place</dt>
      <dd>number ${lseq} of lane ${lane}, in the chain of ${agent}</dd>
      <dt>session</dt>
      <dd class="mono">${session ?? "none"}</dd>
      <dt>seen by</dt>
      <dd>${channel}, as ${tier} evidence</dd>
    </dl>
    ${factPart("Measured by the monitor", event.measured)}${factPart("Reported by the agent, a model or a tool: can lower a level, never raise one", event.reported)}
  </details>`
}

function factPart(title: string, facts: Readonly<Record<string, PlainFact>>): Markup | null {
  const rows = Object.entries(facts).map(
    ([name, value]) =>
      html`<dt>${name}</dt>
        <dd class="mono">${factText(value)}</dd> `,
  )
  return rows.length === 0
    ? null
    : html`<p class="said">${title}</p>
        <dl>${rows}</dl>`
}

function factText(value: PlainFact): string {
  return value === "" ? "(empty)" : String(value)
}
