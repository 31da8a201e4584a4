import { fsckFolder } from "@amc/studio"
import { exitOf } from "@amc/verify"
import { type Command, flagOption } from "../command.ts"

export const ledgerFsck: Command = {
  configure: (parser) =>
    parser
      .option(
        "--rebuild-tiles",
        "first write tiles that are missing; nothing that is there is changed",
      )
      .addHelpText(
        "after",
        `
Examples:
  amc ledger fsck
  amc ledger fsck --rebuild-tiles

Hashes every stored event and payload and every tile and entry bundle again and compares them with each other, with
all checkpoints, and with what this machine has seen; compares the database's indexes with its rows. Payloads that a signed policy let go may be gone. Signatures of
other events, configs and runs are for 'amc verify'.

Exit codes: 0 all is as it was written, 1 something is missing, 3 could not look, 4 tampered with.`,
      ),

  async run(context, _args, options) {
    const { written, verdict } = await fsckFolder(context.cwd, context.state, {
      rebuilds: flagOption(options, "rebuildTiles"),
      clock: context.clock,
      progress: context.progress,
    })
    const exit = exitOf(verdict)
    const wrote = written.length === 0 ? [] : [`written: ${written.length} files that were missing`]
    if (!verdict.accepted)
      return {
        exit,
        data: { written },
        findings: verdict.findings,
        lines: [...wrote, "REJECTED"],
      }
    const { events, tiles, checkpoints, blobs, pruned, published, behind } = verdict.value
    const covered =
      published === null
        ? "nothing is published yet"
        : `published up to ${published}, ${behind} more are not covered`
    return {
      exit,
      data: { ...verdict.value, written },
      lines: [
        ...wrote,
        `accepted: ${events} events, ${tiles} tiles, ${checkpoints} checkpoints, ${blobs} payloads${pruned === 0 ? "" : ` and ${pruned} let go`}; ${covered}`,
      ],
    }
  },
}
