import { resolve } from "node:path"
import { text, utf8 } from "@amc/core"
import { openWorkspace, parseEventName, proveEvent, writeBundle } from "@amc/studio"
import { exitOf } from "@amc/verify"
import { type Command, type Context, textOption } from "../command.ts"
import { requireNewFile } from "../output-file.ts"

export const ledgerProve: Command = {
  configure: (parser) =>
    parser
      .argument("<event>", "a number, a hash, the text of a receipt, or @file with one of them")
      .option("--out <file>", "write the proof to this file; an existing one stays")
      .addHelpText(
        "after",
        `
Examples:
  amc ledger prove 41 --out call.tlog-proof
  amc ledger prove @receipt.txt --out call.tlog-proof
  amc ledger verify-proof call.tlog-proof --root sha256:…

The file (C2SP tlog-proof) holds the event with its facts, the path to the root of the published checkpoint, and
the public keys. Payloads are not in it. Whoever has the root's fingerprint needs nothing else to check it.`,
      ),

  async run(context, [name = ""], options) {
    const workspace = openWorkspace(context.cwd, context.state, context.clock())
    const out = textOption(options, "out")
    const file = out === undefined ? null : resolve(context.cwd, out)
    if (file !== null) requireNewFile(file, "--out")
    const event = parseEventName(await nameOf(context, name))
    const verdict = await proveEvent(workspace, event, context.clock())
    const exit = exitOf(verdict)
    if (!verdict.accepted)
      return { exit, data: null, findings: verdict.findings, lines: ["NOT PROVEN"] }
    const { proof, summary } = verdict.value
    const { origin, index, event_hash, checkpoint } = summary
    if (file !== null) writeBundle(file, utf8(proof))
    const told = `event ${index} (${event_hash}) is in ${origin} at ${checkpoint.size} events`
    return {
      exit,
      data: { origin, index, event_hash, checkpoint, ...(file === null ? { proof } : { file }) },
      lines: file === null ? [proof.trimEnd()] : [`${file}: ${told}`],
    }
  },
}

/** A receipt is long, so it may stand in a file. */
async function nameOf(context: Context, name: string): Promise<string> {
  return name.startsWith("@")
    ? text(await context.readFile(resolve(context.cwd, name.slice(1))))
    : name
}
