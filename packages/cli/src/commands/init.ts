import { initWorkspace } from "@amc/studio"
import type { Command } from "../command.ts"
import { Exit } from "../exit.ts"

export const init: Command = {
  configure: (parser) => parser.addHelpText("after", "\nExample:\n  amc init"),

  async run(context) {
    const { dir, workspace, rootSha256, state } = await initWorkspace({
      folder: context.cwd,
      state: context.state,
      clock: context.clock,
    })
    const root = `sha256:${rootSha256}`
    return {
      exit: Exit.accepted,
      data: { workspace, dir, root, passphrases: state.folderOf(workspace) },
      lines: [
        `workspace   ${workspace} in ${dir}`,
        `root        ${root}`,
        `passphrases ${state.folderOf(workspace)} (one per vault slot; whoever reads that folder can open the vault)`,
        "",
        "Give the root fingerprint to those who verify your bundles.",
        "Next: amc score -- <your agent command>",
      ],
    }
  },
}
