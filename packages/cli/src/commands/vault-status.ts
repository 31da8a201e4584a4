import { openWorkspace, vaultStatus } from "@amc/studio"
import type { Command } from "../command.ts"
import { Exit } from "../exit.ts"
import { localTime } from "../local-time.ts"

export const vaultStatusCommand: Command = {
  configure: (parser) => parser,

  async run(context) {
    const workspace = openWorkspace(context.cwd, context.state, context.clock())
    const status = await vaultStatus(workspace)
    const { generation, unlocked_until_ms: until } = status
    const slots = status.slots.map(
      ({ slot, generation, unlocked, passphrase_file, failed_attempts, backing_off_ms }) => {
        const words = [
          unlocked ? "unlocked" : "locked",
          `generation ${generation}`,
          ...(passphrase_file ? ["its generated passphrase lies in the state folder"] : []),
          ...(failed_attempts > 0 ? [`${failed_attempts} wrong passphrases in a row`] : []),
          ...(backing_off_ms > 0 ? [`backs off for ${Math.ceil(backing_off_ms / 1000)} s`] : []),
        ]
        return `${slot.padEnd(8)} ${words.join(", ")}`
      },
    )
    return {
      exit: Exit.accepted,
      data: status,
      lines: [
        `vault    generation ${generation}, ${until === null ? "locked" : `unlocked until ${localTime(until)}`}`,
        ...slots,
      ],
    }
  },
}
