import { AmcError } from "@amc/core"
import { openWorkspace, unlockVault } from "@amc/studio"
import { type Command, type Options, textOption } from "../command.ts"
import { Exit } from "../exit.ts"
import { collected, textOptions } from "../passphrase-options.ts"
import { localTime } from "../local-time.ts"
import { duration } from "../duration.ts"

export const vaultUnlock: Command = {
  configure: (parser) =>
    parser
      .option("--slot <slot>", "monitor or auditor; both if left out (repeatable)", collected)
      .option("--for <time>", "how long, such as 30m, 8h or 2d; at most 7d", "8h")
      .addHelpText(
        "after",
        "\nEach passphrase comes from --passphrase-file or --passphrase-fd, else from you at the terminal (empty for the\ngenerated one), else from the file that 'amc init' wrote, else from AMC_VAULT_PASSPHRASE.\n\nExample:\n  amc vault unlock --for 2h",
      ),

  async run(context, _args, options) {
    const workspace = openWorkspace(context.cwd, context.state, context.clock())
    const { slots, untilMs } = await unlockVault(workspace, {
      slots: slotsOf(options),
      forMs: duration(textOption(options, "for") ?? "", "for"),
    })
    if (context.state.passphrases.tookEnvironment)
      context.err(
        "warning: a passphrase came from AMC_VAULT_PASSPHRASE, which other processes of this user can read",
      )
    return {
      exit: Exit.accepted,
      data: { slots, unlocked_until_ms: untilMs },
      lines: [
        `unlocked ${slots.join(" and ")} until ${localTime(untilMs)}; 'amc vault lock' ends it`,
      ],
    }
  },
}

function slotsOf(options: Options): readonly ("auditor" | "monitor")[] {
  const named = textOptions(options, "slot")
  const slots = (["auditor", "monitor"] as const).filter((slot) => named.includes(slot))
  if (named.length === 0) return ["auditor", "monitor"]
  if (new Set(named).size === slots.length && slots.length === named.length) return slots
  throw new AmcError("usage/invalid", "--slot takes monitor or auditor, each once", {
    hint: "the root's slot is opened for single commands only",
  })
}
