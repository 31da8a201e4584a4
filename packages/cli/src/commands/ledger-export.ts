import { resolve } from "node:path"
import { AmcError } from "@amc/core"
import { exportTiles, openWorkspace } from "@amc/studio"
import { type Command, textOption } from "../command.ts"
import { Exit } from "../exit.ts"

export const ledgerExport: Command = {
  configure: (parser) =>
    parser
      .option("--out <folder>", "a new folder, or that of an earlier export, which then grows")
      .addHelpText(
        "after",
        `
Example:
  amc ledger export --out public/

The folder (C2SP tlog-tiles) can be served as it is by any web server, and grows with each export: files are
added and only 'checkpoint' changes. It holds every event of the ledger with its facts; payloads are not in it.`,
      ),

  async run(context, _args, options) {
    const out = textOption(options, "out")
    if (out === undefined)
      throw new AmcError("usage/invalid", "no folder was given", {
        hint: "amc ledger export --out <folder>",
      })
    const workspace = openWorkspace(context.cwd, context.state, context.clock())
    const folder = resolve(context.cwd, out)
    const exported = await exportTiles(workspace, folder, context.progress)
    const { origin, size, tiles, written } = exported
    return {
      exit: Exit.accepted,
      data: { folder, ...exported },
      lines: [`${folder}: ${size} events of ${origin} in ${tiles} tiles, ${written} of them new`],
    }
  },
}
