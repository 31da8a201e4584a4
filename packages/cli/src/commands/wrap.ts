import { addAgentOptions } from "../agent-options.ts"
import type { Command } from "../command.ts"
import { runOnce } from "../single-session.ts"

export const wrap: Command = {
  configure: (parser) =>
    addAgentOptions(parser).addHelpText(
      "after",
      "\nThe agent has no box and can read the keys of this workspace. So every run of ANY agent here is\nINVALID for as long as its window (14 days, or more where --window says so) holds such a session.\nUse a second workspace for it: 'amc init' in another folder.\n\nExample:\n  amc wrap -- node my-agent.js\n\nEnds with the agent's own exit code, 125 if it could not be started.",
    ),

  run: (context, args, options) => runOnce(context, args, options, "none"),
}
