import type { Report } from "@amc/score"
import { isoTime, utcTime } from "../utc.ts"
import { ingestedText, traceCounts } from "../wording.ts"
import { html, type Markup } from "./markup.ts"
import { table } from "./table.ts"

type File = Report["ingested"]["latest"][number]

/** What came from outside: the agent's own traces beside receipts, and results of others. */
export function broughtSection({ traces, ingested }: Report): Markup | null {
  if (traces === null && ingested.count === 0) return null
  return html`<section aria-labelledby="brought">
    <h2 id="brought">Brought from outside</h2>
    <p class="dim small">
      Others wrote this. It is compared with what the monitor saw, and times count from when it came
      in.
    </p>
    ${traces === null ? null : traceTable(traces)}${ingested.count === 0 ? null : fileTable(ingested)}
  </section> `
}

function traceTable(traces: NonNullable<Report["traces"]>): Markup {
  const rows = traceCounts(traces).map(
    ([what, count]) =>
      html`<tr>
        <th scope="row">${what}</th>
        <td class="num">${count}</td>
      </tr> `,
  )
  const label = `Calls in the agent's own traces: ${traces.calls}`
  return table({ label, head: ["calls", "#count"], rows, kind: "tight fit", isCaptioned: true })
}

function fileTable(ingested: Report["ingested"]): Markup {
  const left = ingested.count - ingested.latest.length
  const head = [
    "came in (UTC)",
    "format",
    "tool",
    "about",
    "tier",
    "#passed",
    "#failed",
    "#undecided",
  ]
  const rows = ingested.latest.map(fileRow)
  const label = ingestedText(ingested)
  const cut = left === 0 ? null : html`<p class="small">${left} older ones are left out.</p>`
  return html`${table({ label, head, rows, kind: "tight", isCaptioned: true })}${cut}`
}

function fileRow({ ts, format, tool, about, tier, passed, failed, undecided }: File): Markup {
  return html`<tr>
    <th scope="row"><time datetime="${isoTime(ts)}">${utcTime(ts).slice(0, 16)}</time></th>
    <td>${format}</td>
    <td>${tool}</td>
    <td>${about ?? "–"}</td>
    <td>${tier}</td>
    <td class="num">${passed}</td>
    <td class="num">${failed}</td>
    <td class="num">${undecided}</td>
  </tr> `
}
