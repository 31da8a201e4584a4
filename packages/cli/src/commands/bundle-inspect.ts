import { readArchive } from "@amc/bundle"
import { sha256Hex } from "@amc/core"
import type { Command } from "../command.ts"
import { Exit } from "../exit.ts"
import { printable } from "../printable.ts"

export const bundleInspect: Command = {
  configure: (parser) => parser.argument("<file>", "the bundle"),

  async run(context, [file = ""]) {
    const archive = await readArchive(await context.readFile(file))
    const files = [...archive].map(([path, bytes]) => ({
      path,
      size: bytes.length,
      sha256: sha256Hex(bytes),
    }))
    return {
      exit: Exit.accepted,
      data: { files, verified: false },
      lines: [
        ...files.map(({ path, size, sha256 }) =>
          printable(`${sha256}  ${String(size).padStart(9)}  ${path}`),
        ),
        "nothing of this was verified: see 'amc bundle verify'",
      ],
    }
  },
}
