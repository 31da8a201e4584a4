import { resolve } from "node:path"
import { AmcError, utf8 } from "@amc/core"
import { exportFormats, exportKeys, openWorkspace, writeBundle } from "@amc/studio"
import { type Command, textOption } from "../command.ts"
import { Exit } from "../exit.ts"

export const keysExport: Command = {
  configure: (parser) =>
    parser
      .option("--format <format>", exportFormats.join(", "), "trust")
      .option("--out <file>", "write to this file instead of stdout; an existing one stays")
      .addHelpText(
        "after",
        `
Examples:
  amc keys export --format trust --out acme.trust.json
  amc bundle verify my-agent.amcbundle --root acme.trust.json

trust            the root's versions and the revocation list, for 'amc bundle verify --root'
pem              all public keys
allowed_signers  the release key, for 'ssh-keygen -Y verify'
vkey             the ledger's key, for tools that read C2SP signed notes

A verifier compares the fingerprint of the root by another way than the file came.`,
      ),

  async run(context, _args, options) {
    const given = textOption(options, "format")
    const format = exportFormats.find((each) => each === given)
    if (format === undefined)
      throw new AmcError("usage/invalid", `there is no format '${given}'`, {
        hint: `formats are ${exportFormats.join(", ")}`,
      })
    const now = context.clock()
    const workspace = openWorkspace(context.cwd, context.state, now)
    const text = exportKeys(workspace, format, now)
    const root = `sha256:${workspace.rootSha256}`
    const out = textOption(options, "out")
    if (out === undefined)
      return { exit: Exit.accepted, data: { root, format, text }, lines: [text.trimEnd()] }
    const file = resolve(context.cwd, out)
    writeBundle(file, utf8(text))
    return {
      exit: Exit.accepted,
      data: { root, format, file },
      lines: [`${file}: ${format}, ${root}`],
    }
  },
}
