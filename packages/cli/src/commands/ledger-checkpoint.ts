import { toHex } from "@amc/core"
import { makeCosigned, openCapture, openWorkspace } from "@amc/studio"
import type { Command } from "../command.ts"
import { Exit } from "../exit.ts"

export const ledgerCheckpoint: Command = {
  configure: (parser) =>
    parser.addHelpText(
      "after",
      `
Example:
  amc ledger checkpoint

While something is being recorded, a checkpoint is made every second anyway, and one at the end. The witnesses of
witnesses.yaml are asked to cosign this one. Hand what is printed to whoever is to notice if the ledger is ever changed or cut short.`,
    ),

  async run(context) {
    const workspace = openWorkspace(context.cwd, context.state, context.clock())
    const capture = await openCapture(workspace, { clock: context.clock, monitorOnly: true })
    try {
      const { checkpoint, note, warnings } = await makeCosigned(capture)
      for (const warning of warnings) context.err(`warning: ${warning}`)
      const { origin, size, root } = checkpoint
      return {
        exit: Exit.accepted,
        data: { origin, size, root_sha256: toHex(root), note },
        lines: [note.trimEnd()],
      }
    } finally {
      await capture.close()
    }
  },
}
