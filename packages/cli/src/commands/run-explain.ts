import { explainStoredRun, lastRun, openWorkspace } from "@amc/studio"
import { type Command, textOption } from "../command.ts"
import { Exit } from "../exit.ts"
import { viewExplanation } from "../explanation-view.ts"

export const runExplain: Command = {
  configure: (parser) =>
    parser
      .argument("<question>", "the question's id, such as SK-02")
      .option("--run <id>", "the run; the last one if left out")
      .option("--agent <id>", "the last run of this agent")
      .addHelpText(
        "after",
        `
Shows each unit that was counted, what it weighs, the gates of every level, and what the next one would take.
Its numbers are made again from the ledger, which has to give the sealed report byte for byte.

Example:
  amc run explain SK-02 --agent my-agent`,
      ),

  async run(context, [question = ""], options) {
    const workspace = openWorkspace(context.cwd, context.state, context.clock())
    const runId = textOption(options, "run") ?? lastRun(workspace, textOption(options, "agent"))
    const { explanation } = await explainStoredRun(workspace, runId, question)
    return {
      exit: Exit.accepted,
      data: { run_id: runId, explanation },
      lines: [`run ${runId}`, ...viewExplanation(explanation)],
    }
  },
}
