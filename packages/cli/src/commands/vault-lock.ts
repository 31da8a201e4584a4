import { lockVault, openWorkspace, vaultStatus } from "@amc/studio"
import type { Command } from "../command.ts"
import { Exit } from "../exit.ts"

export const vaultLock: Command = {
  configure: (parser) => parser,

  async run(context) {
    const workspace = openWorkspace(context.cwd, context.state, context.clock())
    const { slots: locked, gateway } = await lockVault(workspace)
    const ended = [...locked, ...(gateway ? ["the gateway"] : [])]
    const { slots } = await vaultStatus(workspace)
    const left = slots.filter(({ passphrase_file }) => passphrase_file).map(({ slot }) => slot)
    return {
      exit: Exit.accepted,
      data: { locked, gateway, passphrase_files: left },
      lines: [
        ended.length === 0 ? "was not unlocked" : `locked ${ended.join(" and ")}`,
        ...(left.length === 0
          ? []
          : [
              `the generated passphrases of ${left.join(", ")} still open the vault: ${context.state.folderOf(workspace.workspace)}`,
            ]),
      ],
    }
  },
}
