import { loadRun, openStoredRun, openWorkspace } from "@amc/studio"
import type { Command } from "../command.ts"
import { Exit } from "../exit.ts"
import { viewReport } from "../report-view.ts"

export const runShow: Command = {
  configure: (parser) => parser.argument("<run>", "the run's id"),

  async run(context, [runId = ""]) {
    const workspace = openWorkspace(context.cwd, context.state, context.clock())
    const { report } = openStoredRun(loadRun(workspace.dir, runId), workspace.keyring)
    return {
      exit: Exit.accepted,
      data: { report },
      lines: viewReport(report, { isColoured: context.isColoured }),
    }
  },
}
