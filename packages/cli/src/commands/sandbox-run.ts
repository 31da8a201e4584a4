import { addAgentOptions, addBoxOptions, driverOf } from "../agent-options.ts"
import type { Command } from "../command.ts"
import { runOnce } from "../single-session.ts"

export const sandboxRun: Command = {
  configure: (parser) =>
    addBoxOptions(addAgentOptions(parser), "")
      .option("--work <folder>", "copied to /workspace", ".")
      .option("--check <command>", "your command that says by exit 0 whether the work is done")
      .addHelpText(
        "after",
        "\nExample:\n  amc sandbox run --driver docker -- node my-agent.js\n\nEnds with the agent's own exit code, 125 if it could not be started.",
      ),

  run: (context, args, options) => runOnce(context, args, options, driverOf(options)),
}
