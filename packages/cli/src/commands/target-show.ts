import { openWorkspace, readTarget } from "@amc/studio"
import type { Command } from "../command.ts"
import { Exit } from "../exit.ts"
import { printable } from "../printable.ts"

export const targetShow: Command = {
  configure: (parser) =>
    parser
      .argument("<agent>", "the agent's id")
      .addHelpText(
        "after",
        "\nEnds with 1 if no valid signature covers it.\n\nExample:\n  amc target show my-agent",
      ),

  async run(context, [agent = ""]) {
    const now = context.clock()
    const workspace = openWorkspace(context.cwd, context.state, now)
    const { path, version, value, flaw } = await readTarget(workspace, agent, now)
    const levels = Object.entries({ ...value.layers, ...value.questions })
    const signed = flaw === null ? `signed as version ${version}` : printable(flaw.detail)
    return {
      exit: flaw === null ? Exit.accepted : Exit.rejected,
      data: { agent, path, version, flaw, target: value },
      lines: [
        `${path}  ${signed}`,
        ...levels.map(([name, level]) => printable(`  ${level}  ${name}`)),
      ],
    }
  },
}
