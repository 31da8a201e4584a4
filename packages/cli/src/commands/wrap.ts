import { addAgentOptions } from "../agent-options.ts"
import type { Command } from "../command.ts"
import { runOnce } from "../single-session.ts"

export const wrap: Command = {
  configure: (parser) =>
    addAgentOptions(parser).addHelpText(
      "after",
      "\nExample:\n  amc wrap -- node my-agent.js\n\nEnds with the agent's own exit code, 125 if it could not be started.",
    ),

  run: (context, args, options) => runOnce(context, args, options, "none"),
}
