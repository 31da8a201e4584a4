import type { SurveyedConfig, SurveyedSession } from "@amc/score"
import type { Dossier } from "../dossier.ts"
import { isoTime, utcTime } from "../utc.ts"
import { checkCommands, counted, factTexts, markTexts } from "../wording.ts"
import { eventList } from "./events.ts"
import { html, type Markup } from "./markup.ts"
import { table } from "./table.ts"

/** What the integrity index lost, and for what. */
export function integritySection({ report, survey }: Dossier): Markup {
  const { integrity_index: index } = report
  const rows = survey.losses.map(
    ({ fact, count, points }) =>
      html`<tr>
        <th scope="row">${factTexts[fact]}</th>
        <td class="num">${count}</td>
        <td class="num">−${points}</td>
      </tr> `,
  )
  return html`<section aria-labelledby="integrity">
    <h2 id="integrity">IntegrityIndex: ${index} of 100</h2>
    <p class="dim small">
      It starts at 100 and loses points for what weakens the evidence, never below 0. Below 50, or
      INVALID, the trust label is UNRELIABLE.
    </p>
    ${rows.length === 0 ? html`<p>Nothing weakens the evidence.</p>` : table({ label: "What the index lost", head: ["fact", "#count", "#points"], rows })}
  </section> `
}

/** Each session of the window, or how many were left out. */
export function sessionsSection({ survey }: Dossier): Markup {
  const { sessions, sessions_left_out: left } = survey
  const rows = sessions.map(sessionRow)
  const head = [
    "session",
    "last event (UTC)",
    "box",
    "end",
    "#calls",
    "check",
    "as evidence",
    "reported by the agent or model",
  ]
  const cut =
    left === 0
      ? null
      : html`<p class="small">${counted(left, "session")} with nothing against them left out.</p>`
  return html`<section aria-labelledby="sessions">
    <h2 id="sessions">Sessions</h2>
    <p class="dim small">
      Each session that the monitor opened in the window counts, also what was withheld. Calls are
      those answered with success, of all requests.
    </p>
    <details class="evidence">
      <summary>${counted(sessions.length, "session")}</summary>
      ${sessions.length === 0 ? null : table({ label: "Sessions", head, rows, kind: "tight" })}
    </details>
    ${cut}
  </section> `
}

function sessionRow(each: SurveyedSession): Markup {
  const { session, last_ms, driver, posture, end, requests, successes, check, marks } = each
  const { models, tools } = each.reported
  const said = [...models, ...tools.map((tool) => `tool ${tool}`)].join(", ")
  const doubts = marks.map((mark) => markTexts[mark]).join(", ")
  const exit = each.exit_code === null ? "" : `, code ${each.exit_code}`
  return html`<tr>
    <th scope="row" class="mono">${session}</th>
    <td class="nowrap">
      <time datetime="${isoTime(last_ms)}">${utcTime(last_ms).slice(0, 16)}</time>
    </td>
    <td>${driver ?? "unknown"}, ${posture}</td>
    <td>${end}${exit}</td>
    <td class="num">${successes}/${requests}</td>
    <td>${check ?? "–"}</td>
    <td>${doubts === "" ? "whole" : doubts}</td>
    <td class="dim">${said === "" ? "–" : said}</td>
  </tr> `
}

/** Gaps and audits of the window, newest last. */
export function incidentsSection({ survey }: Dossier): Markup {
  const { incidents, incidents_left_out: left } = survey
  if (incidents.length === 0)
    return html`<section aria-labelledby="incidents">
      <h2 id="incidents">Gaps and audits</h2>
      <p>None in the window.</p>
    </section> `
  return html`<section aria-labelledby="incidents">
    <h2 id="incidents">Gaps and audits</h2>
    <p class="dim small">
      A gap is what the monitor can't vouch for; an audit is what it says about itself, its
      configuration and the
      walls.${left === 0 ? null : html` ${counted(left, "older event")} left out.`}
    </p>
    <details class="evidence">
      <summary>${counted(incidents.length, "event")}</summary>
      ${eventList(incidents)}
    </details>
  </section> `
}

const configHead = ["signed file", "state", "#version", "digest", "event"]

/** Where the answers came from and what of the signed configuration is on record. */
export function configSection({ report, survey }: Dossier): Markup {
  const upstreams = report.upstreams.map(
    ({ provider, upstream, loopback }) =>
      html`<tr>
        <th scope="row">${provider}</th>
        <td class="mono">${upstream}</td>
        <td>
          ${loopback ? "on this machine, so its owner could have made the answers" : "another machine"}
        </td>
      </tr> `,
  )
  const configs = survey.configs.map(configRow)
  return html`<section aria-labelledby="config">
    <h2 id="config">Configuration</h2>
    ${upstreams.length === 0 ? html`<p>No model provider was used.</p>` : table({ label: "Model providers", head: ["provider", "upstream", "where"], rows: upstreams })}
    ${configs.length === 0 ? html`<p class="dim small">No change of a signed file is in the evidence.</p>` : table({ label: "Signed files", head: configHead, rows: configs, kind: "tight" })}
  </section> `
}

function configRow({ path, state, version, sha256, lseq }: SurveyedConfig): Markup {
  const mark = state === "signed" ? "signed" : html`<strong>${state}</strong>`
  return html`<tr>
    <th scope="row" class="mono">${path}</th>
    <td>${mark}</td>
    <td class="num">${version ?? "–"}</td>
    <td class="mono">${sha256 === null ? "–" : `${sha256.slice(0, 16)}…`}</td>
    <td class="mono">#${lseq}</td>
  </tr> `
}

/** How a reader checks all this without believing the page. */
export function checkSection({ report, root_sha256, survey, basis }: Dossier): Markup {
  const commands = checkCommands(report.run_id, root_sha256).map(
    ([command, said]) =>
      html`<dt>${said}</dt>
        <dd><pre>${command}</pre></dd> `,
  )
  return html`<section aria-labelledby="check">
    <h2 id="check">Check it yourself</h2>
    <p>
      This page proves nothing by itself: anybody can write one. It was made from
      ${counted(survey.events_seen, "event")} of the ${basis}, after the sealed report had been
      rebuilt from them byte for byte.
    </p>
    <dl class="commands">${commands}</dl>
  </section> `
}

/** The names of all that the report rests on. */
export function pageFooter({ report, seal, root_sha256 }: Dossier): Markup {
  const { origin, size, root_sha256: tree } = seal.checkpoint
  const rows: readonly (readonly [string, string])[] = [
    ["report", `sha256:${seal.report_sha256}`],
    ["sealed by", seal.kids.join(", ")],
    ["checkpoint", `${origin} at ${size} events, ${tree}`],
    ["root", `sha256:${root_sha256}`],
    ["engine, bank", `${report.engine}, ${report.bank_sha256}`],
  ]
  return html`<footer>
    <dl>
      ${rows.map(
        ([name, value]) =>
          html`<dt>${name}</dt>
            <dd class="mono">${value}</dd> `,
      )}
    </dl>
  </footer> `
}
