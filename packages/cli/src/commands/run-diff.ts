import { diffReports } from "@amc/score"
import { loadRun, openStoredRun, openWorkspace } from "@amc/studio"
import type { Command } from "../command.ts"
import { Exit } from "../exit.ts"
import { viewReportDiff } from "../report-diff-view.ts"

export const runDiff: Command = {
  configure: (parser) =>
    parser
      .argument("<from>", "the earlier run's id")
      .argument("<to>", "the later run's id")
      .addHelpText(
        "after",
        "\nCompares two sealed reports on one agent. Another bank or engine begins a new series, and is refused.\n\nExample:\n  amc run diff run-0193b5a2-0000-7000-8000-000000000001 run-0193b5a2-0000-7000-8000-000000000002",
      ),

  async run(context, [from = "", to = ""]) {
    const { dir, keyring } = openWorkspace(context.cwd, context.state, context.clock())
    const [before, after] = [from, to].map((id) => openStoredRun(loadRun(dir, id), keyring).report)
    const diff = diffReports(
      before as NonNullable<typeof before>,
      after as NonNullable<typeof after>,
    )
    return { exit: Exit.accepted, data: { diff }, lines: viewReportDiff(diff) }
  },
}
