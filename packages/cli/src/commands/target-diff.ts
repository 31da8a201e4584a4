import { targetGaps } from "@amc/score"
import { lastRun, loadRun, openStoredRun, openWorkspace, signedTarget } from "@amc/studio"
import { type Command, textOption } from "../command.ts"
import { Exit } from "../exit.ts"
import { viewGaps } from "../target-view.ts"

export const targetDiff: Command = {
  configure: (parser) =>
    parser
      .argument("<agent>", "the agent's id")
      .option("--run <id>", "the run; the agent's last one if left out")
      .addHelpText(
        "after",
        "\nLists what a run lacks of the agent's signed target, and the evidence to collect next.\n\nExample:\n  amc target diff my-agent",
      ),

  async run(context, [agent = ""], options) {
    const now = context.clock()
    const workspace = openWorkspace(context.cwd, context.state, now)
    const target = await signedTarget(workspace, agent, now)
    const runId = textOption(options, "run") ?? lastRun(workspace, agent)
    const { report } = openStoredRun(loadRun(workspace.dir, runId), workspace.keyring)
    const gaps = targetGaps(report, target)
    return {
      exit: Exit.accepted,
      data: { run_id: runId, target, gaps },
      lines: [`run ${runId}`, ...viewGaps(report, gaps)],
    }
  },
}
