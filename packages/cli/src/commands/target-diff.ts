import { type TargetGap, targetGaps } from "@amc/score"
import { lastRun, loadRun, openStoredRun, openWorkspace, signedTarget } from "@amc/studio"
import { type Command, textOption } from "../command.ts"
import { Exit } from "../exit.ts"
import { printable } from "../printable.ts"

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
    const reached = gaps.length === 0 ? ["the target is reached"] : []
    return {
      exit: Exit.accepted,
      data: { run_id: runId, target, gaps },
      lines: [`run ${runId}`, ...reached, ...gaps.flatMap(gapLines)],
    }
  },
}

function gapLines({ id, title, level, target, reachable, next }: TargetGap): string[] {
  const far = reachable ? "" : ", which can't be reached in this window with today's evidence"
  return [
    printable(`${id.padEnd(7)} ${title}: level ${level} of ${target}${far}`),
    ...next.map((text) => `          next: ${printable(text)}`),
  ]
}
