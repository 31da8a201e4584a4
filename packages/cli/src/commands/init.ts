import { initWorkspace } from "@amc/studio"
import type { Command } from "../command.ts"
import { Exit } from "../exit.ts"
import { addNewOwnerOptions, newOwners } from "../owner-options.ts"

export const init: Command = {
  configure: (parser) =>
    addNewOwnerOptions(parser).addHelpText(
      "after",
      `
Examples:
  amc init
  amc init --root-keys 3 --threshold 2 --root-key-dir /media/offline

Each slot of the vault gets a generated passphrase in the state folder, unless --passphrase-file or
--passphrase-fd gives one that you keep yourself.`,
    ),

  async run(context, _args, options) {
    const { files, threshold } = newOwners(context, options, 1)
    const { dir, workspace, rootSha256, state } = await initWorkspace({
      folder: context.cwd,
      state: context.state,
      clock: context.clock,
      rootKeyFiles: files,
      threshold,
    })
    const root = `sha256:${rootSha256}`
    return {
      exit: Exit.accepted,
      data: { workspace, dir, root, passphrases: state.folderOf(workspace), root_keys: files },
      lines: [
        `workspace   ${workspace} in ${dir}`,
        `root        ${root}`,
        `passphrases ${state.folderOf(workspace)} (one per vault slot; whoever reads that folder can open the vault)`,
        ...files.map(
          (file) =>
            `root key    ${file} (its passphrase lies beside it: keep the two apart, offline)`,
        ),
        "",
        "Give the root fingerprint to those who verify your bundles.",
        "Next: amc score -- <your agent command>",
      ],
    }
  },
}
