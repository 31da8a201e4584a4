import { resolve } from "node:path"
import { AmcError, utf8 } from "@amc/core"
import { gateJson, gateJunit, gateMarkdown, gateSarif, gateText } from "@amc/report"
import type { GateOutcome } from "@amc/score"
import { writeBundle } from "@amc/studio"
import { type Command, type Context, type Options, textOption } from "../command.ts"
import { addGateOptions, gateBy } from "../gate-options.ts"
import { requireNewFile } from "../output-file.ts"
import { filesOf } from "../owner-options.ts"
import { collected } from "../passphrase-options.ts"

const renderers = {
  text: gateText,
  json: gateJson,
  sarif: gateSarif,
  junit: gateJunit,
  markdown: gateMarkdown,
} as const
type Format = keyof typeof renderers

/** By the end of a file's name. */
const formats: readonly (readonly [string, Format])[] = [
  [".sarif", "sarif"],
  [".xml", "junit"],
  [".md", "markdown"],
  [".json", "json"],
  [".txt", "text"],
]

export const gate: Command = {
  configure: (parser) =>
    addGateOptions(parser.requiredOption("--bundle <file>", "the bundle of the release"))
      .option("--format <format>", Object.keys(renderers).join(", "), "text")
      .option(
        "--out <file>",
        "write it to a file as well: .sarif, .xml (JUnit), .md, .json or .txt; may be repeated",
        collected,
        [],
      )
      .addHelpText(
        "after",
        `
Examples:
  amc gate --bundle my-agent.amcbundle --policy release.yaml --policy-root sha256:…
  amc gate --bundle my-agent.amcbundle --policy release.yaml --out gate.sarif --out gate.xml

The policy counts by your own root, and says which roots bundles may come from. Nothing that a bundle
brings along is a policy. A root that was accepted once need not be given again on this machine.

Exit codes: 0 passed, 1 refused, 2 wrong use, 3 could not look, 4 tampered with.`,
      ),

  async run(context, _args, options) {
    const format = formatOf(options)
    const files = outputsOf(context, options)
    const path = resolve(context.cwd, textOption(options, "bundle") ?? "")
    const { outcome, exit } = await gateBy(context, options, await context.readFile(path))
    for (const [file, of] of files) writeBundle(file, utf8(renderers[of](outcome)))
    return {
      exit,
      data: dataOf(outcome, format),
      findings: outcome.findings,
      lines: [renderers[format](outcome).trimEnd()],
    }
  },
}

function formatOf(options: Options): Format {
  const name = textOption(options, "format") ?? ""
  if (Object.hasOwn(renderers, name)) return name as Format
  throw new AmcError("usage/invalid", `--format takes one of ${Object.keys(renderers).join(", ")}`)
}

function outputsOf(context: Context, options: Options): readonly (readonly [string, Format])[] {
  return filesOf(context, options, "out").map((file) => {
    const format = formats.find(([end]) => file.endsWith(end))?.[1]
    if (format === undefined)
      throw new AmcError("usage/invalid", "--out takes a name that says its format", {
        hint: `it ends in ${formats.map(([end]) => end).join(", ")}`,
      })
    requireNewFile(file, "--out")
    return [file, format] as const
  })
}

/** With `--json` text is the outcome itself: the object is for machines. */
function dataOf(outcome: GateOutcome, format: Format): unknown {
  if (format === "text" || format === "json") return outcome
  return { passed: outcome.passed, format, content: renderers[format](outcome) }
}
