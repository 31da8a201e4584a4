import { openWorkspace, verifyStoredRun } from "@amc/studio"
import { exitOf } from "@amc/verify"
import type { Command } from "../command.ts"

export const runVerify: Command = {
  configure: (parser) =>
    parser
      .argument("<run>", "the run's id")
      .addHelpText(
        "after",
        "\nExit codes: 0 the sealed report follows from the ledger, 1 it does not, 3 could not look, 4 tampered with.",
      ),

  async run(context, [runId = ""]) {
    const workspace = openWorkspace(context.cwd, context.state, context.clock())
    const verdict = await verifyStoredRun(workspace, runId)
    if (!verdict.accepted)
      return { exit: exitOf(verdict), data: null, findings: verdict.findings, lines: [] }
    const { report_sha256, events } = verdict.value
    return {
      exit: exitOf(verdict),
      data: verdict.value,
      lines: [
        `${runId}: the report was rebuilt from ${events} events and is byte for byte the sealed one (sha256:${report_sha256})`,
      ],
    }
  },
}
