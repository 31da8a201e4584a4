import { resolve } from "node:path"
import { AmcError, sha256Hex, utf8 } from "@amc/core"
import {
  behindLines,
  type Dossier,
  htmlReport,
  jsonReport,
  markdownReport,
  type ReportFormat,
  reportFormats,
} from "@amc/report"
import { bundleDossier, runDossier, writeBundle } from "@amc/studio"
import { exitOf } from "@amc/verify"
import { type Command, type Options, textOption } from "../command.ts"
import { requireNewFile } from "../output-file.ts"
import { viewReport } from "../report-view.ts"
import { bundleRootOption, readNamedRun } from "../run-source.ts"

export const runReport: Command = {
  configure: (parser) =>
    parser
      .argument("<run>", "a run's id, or a bundle's file")
      .option("--format <format>", reportFormats.join(", "), "text")
      .option("--out <file>", "write the report to this file; an existing one stays")
      .option(...bundleRootOption)
      .addHelpText(
        "after",
        `
Examples:
  amc run report run-… --format html --out report.html
  amc run report my-agent.amcbundle --root sha256:… --format markdown

The report is rebuilt from the evidence and compared byte for byte before anything is written of it. The
HTML file stands alone: no script, nothing that it loads. Equal runs give equal bytes.

Exit codes: 0 written (whether the run is good enough is another question: read its status), 1 not
accepted, 3 could not look, 4 tampered with.`,
      ),

  async run(context, [name = ""], options) {
    const format = formatOf(options)
    const out = textOption(options, "out")
    const file = out === undefined ? null : resolve(context.cwd, out)
    if (file !== null) requireNewFile(file, "--out")
    const readers = { run: runDossier, bundle: bundleDossier }
    const verdict = await readNamedRun(context, [name, options], readers)
    const exit = exitOf(verdict)
    if (!verdict.accepted)
      return { exit, data: null, findings: verdict.findings, lines: [`${name}: NOT ACCEPTED`] }
    const dossier = verdict.value
    const isColoured = file === null && context.isColoured
    const text = render(dossier, format, isColoured)
    if (file === null) return { exit, data: dataOf(dossier, format, text), lines: [text.trimEnd()] }
    const bytes = utf8(text)
    writeBundle(file, bytes)
    const digest = sha256Hex(bytes)
    return {
      exit,
      data: { run_id: dossier.report.run_id, format, file, size: bytes.length, sha256: digest },
      lines: [`${file}: ${format} report of ${dossier.report.run_id} (sha256:${digest})`],
    }
  },
}

function formatOf(options: Options): ReportFormat {
  const name = textOption(options, "format")
  const format = reportFormats.find((each) => each === name)
  if (format !== undefined) return format
  throw new AmcError("usage/invalid", `--format takes one of ${reportFormats.join(", ")}`)
}

function render(dossier: Dossier, format: ReportFormat, isColoured: boolean): string {
  if (format === "html") return htmlReport(dossier)
  if (format === "markdown") return markdownReport(dossier)
  if (format === "json") return jsonReport(dossier)
  const lines = [...viewReport(dossier.report, { isColoured }), "", ...behindLines(dossier)]
  return `${lines.join("\n")}\n`
}

/** With `--json` text is the dossier itself: the object is for machines. */
function dataOf(dossier: Dossier, format: ReportFormat, content: string): unknown {
  return format === "text" || format === "json" ? { dossier } : { format, content }
}
