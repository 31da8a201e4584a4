import { AmcError } from "@amc/core"
import { checkAgentId, makeRun, openCapture, openWorkspace, requireKnownAgent } from "@amc/studio"
import { type Command, textOption } from "../command.ts"
import { Exit } from "../exit.ts"
import { viewReport } from "../report-view.ts"

export const run: Command = {
  configure: (parser) =>
    parser
      .requiredOption("--agent <id>", "the agent whose recorded sessions are scored")
      .option("--window <days>", "how far back evidence counts", "14")
      .addHelpText(
        "after",
        "\nExample:\n  amc run --agent my-agent\n\nRuns no agent: 'amc score' does. Ends with 0 for an INVALID report too, since it was made and sealed\nas it should be: read its status, or --json and data.report.status.",
      ),

  async run(context, _args, options) {
    const agent = textOption(options, "agent") ?? ""
    checkAgentId(agent)
    const workspace = openWorkspace(context.cwd, context.state, context.clock())
    context.err(`workspace: ${workspace.dir}`)
    const capture = await openCapture(workspace, { clock: context.clock })
    try {
      await requireKnownAgent(capture, agent)
      const { report, warnings } = await makeRun(capture, {
        agent,
        windowDays: windowDays(textOption(options, "window")),
      })
      for (const warning of warnings) context.err(`warning: ${warning}`)
      return {
        exit: Exit.accepted,
        data: { report },
        lines: viewReport(report, { isColoured: context.isColoured }),
      }
    } finally {
      await capture.close()
    }
  },
}

/** Days from '14' or '14d'. @throws {@link AmcError} `usage/invalid` */
export function windowDays(text = "14"): number {
  const days = /^(\d{1,4})d?$/.exec(text)?.[1]
  if (days === undefined || Number(days) < 1)
    throw new AmcError("usage/invalid", "--window takes days, such as 14 or 14d")
  return Number(days)
}
