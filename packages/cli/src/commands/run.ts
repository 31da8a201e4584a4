import { AmcError } from "@amc/core"
import { checkAgentId, makeRun, openCapture, openWorkspace } from "@amc/studio"
import { type Command, textOption } from "../command.ts"
import { Exit } from "../exit.ts"
import { viewReport } from "../report-view.ts"

export const run: Command = {
  configure: (parser) =>
    parser
      .requiredOption("--agent <id>", "whose evidence is scored")
      .option("--window <days>", "how far back evidence counts", "14"),

  async run(context, _args, options) {
    const agent = textOption(options, "agent") ?? ""
    checkAgentId(agent)
    const workspace = openWorkspace(context.cwd, context.state, context.clock())
    const capture = await openCapture(workspace, { clock: context.clock })
    try {
      const { report } = await makeRun(capture, {
        agent,
        windowDays: windowDays(textOption(options, "window")),
      })
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
