import { openWorkspace, prunePayloads, type PruneSummary } from "@amc/studio"
import { type Command, flagOption } from "../command.ts"
import { Exit } from "../exit.ts"

export const ledgerPrune: Command = {
  configure: (parser) =>
    parser.option("--dry-run", "only say what would go").addHelpText(
      "after",
      `
Examples:
  amc ledger prune --dry-run
  amc ledger prune

Deletes stored payloads that are older than the signed .amc/retention.yaml keeps them. An event that names them and
holds that policy is recorded first, so that 'amc verify' tells them from payloads that somebody took away. Events,
digests and reports stay as they are. An interrupted prune is finished by the next one.

Exit codes: 0 done, 3 no signed policy or could not, 4 an old payload is gone or changed that no policy let go.`,
    ),

  async run(context, _args, options) {
    const isDryRun = flagOption(options, "dryRun")
    const workspace = openWorkspace(context.cwd, context.state, context.clock())
    const { findings, ...summary } = await prunePayloads(workspace, {
      isDryRun,
      clock: context.clock,
    })
    const exit = findings.length > 0 ? Exit.tampered : Exit.accepted
    const data = { ...summary, dry_run: isDryRun }
    return { exit, data, findings, lines: linesOf(summary, isDryRun) }
  },
}

function linesOf(
  { policy, events, payloads, bytes, finished, shared }: Omit<PruneSummary, "findings">,
  isDryRun: boolean,
): string[] {
  const what = `${payloads} payloads of ${events} events, ${bytes} bytes, by version ${policy.version} of retention.yaml`
  const first = payloads === 0 ? "nothing to prune" : `${isDryRun ? "would go" : "gone"}: ${what}`
  const lines = [first]
  if (finished > 0) lines.push(`${finished} of them an earlier prune had named and left`)
  if (shared > 0) lines.push(`${shared} stay, since events that keep theirs have the same payload`)
  return lines
}
