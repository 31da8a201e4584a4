import { AmcError } from "@amc/core"
import { changeVaultPassphrase, openWorkspace } from "@amc/studio"
import { type Command, flagOption, type Options, textOption } from "../command.ts"
import { Exit } from "../exit.ts"
import { newPassphrase } from "../new-passphrase.ts"

const said = {
  none: "",
  replaced: "; it takes the place of the generated one in the state folder",
  removed: "; the generated one, of no use now, is removed from the state folder",
} as const

export const vaultPasswd: Command = {
  configure: (parser) =>
    parser
      .requiredOption("--slot <slot>", "monitor, auditor or root")
      .option("--new-passphrase-file <file>", "the new passphrase, from a file of mode 600")
      .option("--new-passphrase-fd <n>", "the new passphrase, from an open descriptor")
      .option("--keep", "write it in place of the generated one in the state folder")
      .addHelpText("after", "\nExample:\n  amc vault passwd --slot auditor"),

  async run(context, _args, options) {
    const slot = slotOf(options)
    const workspace = openWorkspace(context.cwd, context.state, context.clock())
    const next = await newPassphrase(context, options)
    try {
      const { vault, file, locked } = await changeVaultPassphrase(workspace, {
        slot,
        next,
        keep: flagOption(options, "keep"),
      })
      return {
        exit: Exit.accepted,
        data: { slot, generation: vault.generation, passphrase_file: file, locked },
        lines: [
          `the slot ${slot} has a new passphrase${said[file]}`,
          ...(locked ? ["the vault is locked; unlock it again with 'amc vault unlock'"] : []),
        ],
      }
    } finally {
      next.fill(0)
    }
  },
}

function slotOf(options: Options): "auditor" | "monitor" | "root" {
  const slots = ["auditor", "monitor", "root"] as const
  const slot = slots.find((each) => each === textOption(options, "slot"))
  if (slot !== undefined) return slot
  throw new AmcError("usage/invalid", "--slot takes monitor, auditor or root")
}
