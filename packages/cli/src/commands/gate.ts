import { basename, resolve } from "node:path"
import { AmcError, utf8 } from "@amc/core"
import { gateJson, gateJunit, gateMarkdown, gateSarif, gateText } from "@amc/report"
import type { GateOutcome } from "@amc/score"
import { type GateFiles, gateHere, writeBundle } from "@amc/studio"
import { wholeNumber } from "../agent-options.ts"
import { type Command, type Context, type Options, textOption } from "../command.ts"
import { optionalFile } from "../input-file.ts"
import { requireNewFile } from "../output-file.ts"
import { filesOf } from "../owner-options.ts"
import { collected } from "../passphrase-options.ts"
import { givenTrust } from "../root-option.ts"
import { timeOption } from "../time-option.ts"

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
    parser
      .requiredOption("--bundle <file>", "the bundle of the release")
      .requiredOption(
        "--policy <file>",
        "your signed policy, with its .sig and .trust.json beside it",
      )
      .option(
        "--policy-root <fingerprint>",
        "the root of whoever signs your policies: sha256:…, or their trust file",
      )
      .option("--policy-min-version <n>", "refuse a policy that was signed before this version")
      .option("--previous <file>", "the bundle of an earlier run, for maxDrop and consecutiveRuns")
      .option("--at <time>", "judge age and what expires at this time, such as 2026-11-23")
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
    const now = context.clock()
    const { outcome, exit } = await gateHere(await inputsOf(context, options), {
      state: context.state,
      policyRoot: await givenTrust(context, textOption(options, "policyRoot"), "policy-root"),
      minVersion: minVersionOf(options),
      nowMs: now,
      atMs: timeOption(textOption(options, "at"), "at") ?? now,
      warn: (text) => context.err(`amc: warning: ${text}`),
    })
    for (const [file, of] of files) writeBundle(file, utf8(renderers[of](outcome)))
    return {
      exit,
      data: dataOf(outcome, format),
      findings: outcome.findings,
      lines: [renderers[format](outcome).trimEnd()],
    }
  },
}

function minVersionOf(options: Options): number | undefined {
  const text = textOption(options, "policyMinVersion")
  return text === undefined
    ? undefined
    : wholeNumber(text, "policy-min-version", Number.MAX_SAFE_INTEGER)
}

async function inputsOf(context: Context, options: Options): Promise<GateFiles> {
  const path = (name: string): string => resolve(context.cwd, textOption(options, name) ?? "")
  const policy = path("policy")
  const previous = textOption(options, "previous")
  return {
    bundle: await context.readFile(path("bundle")),
    previous: previous === undefined ? undefined : await context.readFile(path("previous")),
    policyName: basename(policy),
    policy: await context.readFile(policy),
    signature: await optionalFile(context, `${policy}.sig`),
    policyTrust: await optionalFile(context, `${policy}.trust.json`),
  }
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
