import { exportBundle, openWorkspace, writeBundle } from "@amc/studio"
import { Option } from "commander"
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
      .addOption(
        new Option("--redact <what>", "what to withhold: payloads, or nothing")
          .choices(["payloads", "nothing"])
          .default("payloads"),
      )
      .addHelpText(
        "after",
        `
Examples:
  amc bundle export --agent my-agent --run run-… --out my-agent.amcbundle
  amc bundle export --agent my-agent --run run-… --out whole.amcbundle --redact nothing

Payloads are what the agent, the models and the network said, as they are stored after redaction. A bundle without them
holds their digests, is verified and scored alike, and says what it withholds.`,
      ),

  async run(context, _args, options) {
    const [agent, runId, out] = ["agent", "run", "out"].map(
      (name) => textOption(options, name) ?? "",
    ) as [string, string, string]
    const workspace = openWorkspace(context.cwd, context.state, context.clock())
    const bytes = await exportBundle(workspace, {
      agent,
      runId,
      clock: context.clock,
      withPayloads: textOption(options, "redact") === "nothing",
    })
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
