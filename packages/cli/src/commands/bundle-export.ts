import { exportBundle, openWorkspace, writeBundle } from "@amc/studio"
import { type Command, textOption } from "../command.ts"
import { Exit } from "../exit.ts"
import { programName } from "../program-name.ts"
import { shellWord } from "../shell-word.ts"

export const bundleExport: Command = {
  configure: (parser) =>
    parser
      .requiredOption("--agent <id>", "the agent that the run is about")
      .requiredOption("--run <id>", "the sealed run")
      .requiredOption("--out <file>", "the bundle to write; an existing file is not overwritten")
      .addHelpText(
        "after",
        "\nExample:\n  amc bundle export --agent my-agent --run run-… --out my-agent.amcbundle",
      ),

  async run(context, _args, options) {
    const [agent, runId, out] = ["agent", "run", "out"].map(
      (name) => textOption(options, name) ?? "",
    ) as [string, string, string]
    const workspace = openWorkspace(context.cwd, context.state, context.clock())
    const bytes = await exportBundle(workspace, { agent, runId, clock: context.clock })
    writeBundle(out, bytes)
    const root = `sha256:${workspace.rootSha256}`
    return {
      exit: Exit.accepted,
      data: { file: out, size: bytes.length, root },
      lines: [
        `${out}: ${bytes.length} bytes`,
        `check it anywhere with: ${programName(context.environment)} bundle verify ${shellWord(out)} --root ${root}`,
      ],
    }
  },
}
