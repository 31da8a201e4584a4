import { openWorkspace, planSigning, signConfigs, type SigningPlan } from "@amc/studio"
import { wholeNumber } from "../agent-options.ts"
import { type Command, type Context, flagOption, textOption } from "../command.ts"
import { configPath } from "../config-path.ts"
import { Exit } from "../exit.ts"
import { printable } from "../printable.ts"
import { dayOf } from "../day.ts"

export const configSign: Command = {
  configure: (parser) =>
    parser
      .argument("[path...]", "files under .amc; all that lack a valid signature, if left out")
      .option("--expires <days>", "after so many days the signature counts no more")
      .option("--dry-run", "show what would be signed, and sign nothing")
      .addHelpText(
        "after",
        "\nRead what changed before you sign it: you stand for all that the file says.\n\nExample:\n  amc config sign gateway.yaml",
      ),

  async run(context, args, options) {
    const expires = textOption(options, "expires")
    const workspace = openWorkspace(context.cwd, context.state, context.clock())
    const plans = await planSigning(workspace, {
      paths: args.map(configPath),
      expiresDays: expires === undefined ? null : wholeNumber(expires, "expires", 36_500),
      clock: context.clock,
    })
    const isDryRun = flagOption(options, "dryRun")
    show(context, plans)
    if (!isDryRun && plans.length > 0) await signConfigs(workspace, plans, context.clock)
    const done = isDryRun ? "would be signed" : "signed"
    const data = { signed: !isDryRun, files: plans.map(dataOf) }
    return { exit: Exit.accepted, data, lines: [`${filesText(plans.length)} ${done}`] }
  },
}

/** Before anything is signed, so that it is seen even where signing fails. */
function show(context: Context, plans: readonly SigningPlan[]): void {
  for (const line of plans.flatMap(linesOf)) context.err(printable(line))
}

function linesOf(plan: SigningPlan): readonly string[] {
  const { path, version, sha256, expiresMs } = plan
  const end = expiresMs === null ? "" : `, expires ${dayOf(expiresMs)}`
  return [`${path}  version ${version}${end}  sha256 ${sha256}`, ...changeLines(plan)]
}

function changeLines({ last, changes }: SigningPlan): readonly string[] {
  if (last === null) return ["  it was never signed before"]
  if (changes === null) return [`  changed; what version ${last.version} said is not known here`]
  if (changes.length === 0) return [`  the same bytes as version ${last.version}`]
  return [`  since version ${last.version}:`, ...changes.map((line) => `  ${line}`)]
}

function dataOf({ path, version, sha256, expiresMs, last, changes }: SigningPlan): unknown {
  return { path, version, sha256, expires_ms: expiresMs, previous: last, changes }
}

function filesText(count: number): string {
  if (count === 0) return "nothing lacks a signature: 0 files"
  return count === 1 ? "1 file" : `${count} files`
}

/** The UTC day of a time, without the machine's clock or zone. */
