import { AmcError } from "@amc/core"
import { targetGaps } from "@amc/score"
import {
  checkAgentId,
  makeRun,
  openCapture,
  openWorkspace,
  requireKnownAgent,
  signedTarget,
} from "@amc/studio"
import { type Command, textOption } from "../command.ts"
import { Exit } from "../exit.ts"
import { viewReport } from "../report-view.ts"
import { viewGaps } from "../target-view.ts"

export const run: Command = {
  configure: (parser) =>
    parser
      .requiredOption("--agent <id>", "the agent whose recorded sessions are scored")
      .option("--window <days>", "how far back evidence counts", "14")
      .option(
        "--target",
        "compare with the agent's signed target, and end with 1 if it is not reached",
      )
      .addHelpText(
        "after",
        "\nExample:\n  amc run --agent my-agent\n  amc run --agent my-agent --target\n\nRuns no agent: 'amc score' does. Ends with 0 for an INVALID report too, since it was made and sealed\nas it should be: read its status, or --json and data.report.status. With\n--target it ends with 1 unless the report is VALID and every level of the target is reached.",
      ),

  async run(context, _args, options) {
    const agent = textOption(options, "agent") ?? ""
    checkAgentId(agent)
    const workspace = openWorkspace(context.cwd, context.state, context.clock())
    context.err(`workspace: ${workspace.dir}`)
    const isAimed = options["target"] === true
    // Without one there is nothing to compare with, and no run is made.
    const target = isAimed ? await signedTarget(workspace, agent, context.clock()) : null
    const capture = await openCapture(workspace, { clock: context.clock })
    try {
      await requireKnownAgent(capture, agent)
      const { report, warnings } = await makeRun(capture, {
        agent,
        windowDays: windowDays(textOption(options, "window")),
      })
      for (const warning of warnings) context.err(`warning: ${warning}`)
      const lines = viewReport(report, { isColoured: context.isColoured })
      if (target === null) return { exit: Exit.accepted, data: { report }, lines }
      const gaps = targetGaps(report, target)
      const isReached = report.status === "VALID" && gaps.length === 0
      return {
        exit: isReached ? Exit.accepted : Exit.rejected,
        data: { report, target, gaps },
        lines: [...lines, "", ...viewGaps(report, gaps)],
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
