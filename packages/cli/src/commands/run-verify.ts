import { verifyBundledRun, verifyStoredRun } from "@amc/studio"
import { exitOf } from "@amc/verify"
import type { Command } from "../command.ts"
import { bundleRootOption, readNamedRun } from "../run-source.ts"

export const runVerify: Command = {
  configure: (parser) =>
    parser
      .argument("<run>", "a run's id, or a bundle's file")
      .option(...bundleRootOption)
      .addHelpText(
        "after",
        `
Examples:
  amc run verify run-…
  amc run verify my-agent.amcbundle --root sha256:…

The report is scored again from the events, of the ledger or of the bundle, and compared byte for byte with the
sealed one. Of a bundle all else is verified too, as 'amc bundle verify' does.

Exit codes: 0 the sealed report follows from the evidence, 1 it does not, 3 could not look, 4 tampered with.`,
      ),

  async run(context, [name = ""], options) {
    const readers = { run: verifyStoredRun, bundle: verifyBundledRun }
    const verdict = await readNamedRun(context, [name, options], readers)
    const exit = exitOf(verdict)
    if (!verdict.accepted) return { exit, data: null, findings: verdict.findings, lines: [] }
    const { run_id, report_sha256, events } = verdict.value
    return {
      exit,
      data: verdict.value,
      lines: [
        `${run_id}: the report was rebuilt from ${events} events and is byte for byte the sealed one (sha256:${report_sha256})`,
      ],
    }
  },
}
