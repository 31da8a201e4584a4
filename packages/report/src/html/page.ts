import type { Dossier } from "../dossier.ts"
import { broughtSection } from "./brought.ts"
import {
  checkSection,
  configSection,
  incidentsSection,
  integritySection,
  pageFooter,
  sessionsSection,
} from "./evidence.ts"
import { nextSection, pageHeader, summarySection } from "./head.ts"
import { layersSection } from "./layers.ts"
import { html, lineEnd, Markup } from "./markup.ts"
import { questionsSection } from "./questions.ts"
import { contentSecurityPolicy, style } from "./style.ts"

/**
 * A dossier as one HTML file: no script, nothing that is loaded, and a policy that forbids both. Equal
 * dossiers give equal bytes. The page proves nothing; it says how to check.
 */
export function htmlReport(dossier: Dossier): string {
  const { report } = dossier
  const { source } = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${new Markup(contentSecurityPolicy)}" />
        <meta name="viewport" content="width=device-width,initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="referrer" content="no-referrer" />
        <title>
          ${report.agent}: ${report.status}, level ${report.overall} – AMC evidence report
        </title>
        ${new Markup(`<style>${style}</style>`)}
      </head>
      <body>
        <a class="skip" href="#main">Skip to the report</a>
        <div class="wrap">
          ${pageHeader(dossier)}
          <main id="main">${partsOf(dossier).map((part) => [part, lineEnd])}</main>
          ${pageFooter(dossier)}
        </div>
      </body>
    </html> `
  return `${source.trim()}\n`
}

function partsOf(dossier: Dossier): readonly (Markup | null)[] {
  return [
    summarySection(dossier),
    layersSection(dossier.report),
    nextSection(dossier),
    questionsSection(dossier),
    integritySection(dossier),
    sessionsSection(dossier),
    incidentsSection(dossier),
    configSection(dossier),
    broughtSection(dossier.report),
    checkSection(dossier),
  ]
}
