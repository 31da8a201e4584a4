import { resolve } from "node:path"
import { AmcError, text, utf8 } from "@amc/core"
import {
  openWorkspace,
  parseEventName,
  proveEvent,
  proveTrees,
  type TreeSizes,
  writeBundle,
} from "@amc/studio"
import { exitOf } from "@amc/verify"
import { type Command, type Outcome, type Context, type Options, textOption } from "../command.ts"
import { requireNewFile } from "../output-file.ts"

export const ledgerProve: Command = {
  configure: (parser) =>
    parser
      .argument("[event]", "a number, a hash, the text of a receipt, or @file with one of them")
      .option("--from <size>", "prove that a tree extends the one of this many events instead")
      .option("--to <size>", "the tree that does, by its number of events")
      .option("--out <file>", "write the proof to this file; an existing one stays")
      .addHelpText(
        "after",
        `
Examples:
  amc ledger prove 41 --out call.tlog-proof
  amc ledger prove @receipt.txt --out call.tlog-proof
  amc ledger verify-proof call.tlog-proof --root sha256:…
  amc ledger prove --from 120 --to 4711 --out trees.proof

The file (C2SP tlog-proof) holds the event with its facts, the path to the root of the published checkpoint, and
the public keys. Payloads are not in it. Whoever has the root's fingerprint needs nothing else to check it.

With --from and --to it is the proof that 'amc bundle verify --proof' asks for, where somebody has seen one tree of the
ledger and is shown the other (the body of C2SP tlog-witness, add-checkpoint).`,
      ),

  async run(context, [name = ""], options) {
    const workspace = openWorkspace(context.cwd, context.state, context.clock())
    const out = textOption(options, "out")
    const file = out === undefined ? null : resolve(context.cwd, out)
    if (file !== null) requireNewFile(file, "--out")
    const sizes = sizesOf(options)
    if (sizes !== null) {
      if (name !== "") throw usage("an event, or --from and --to, and not both")
      return provenTrees(await proveTrees(workspace, sizes), sizes, file)
    }
    if (name === "") throw usage("name an event, or give --from and --to")
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

function sizesOf(options: Options): TreeSizes | null {
  const [from, to] = [textOption(options, "from"), textOption(options, "to")]
  if (from === undefined && to === undefined) return null
  const [older, newer] = [Number(from), Number(to)]
  if (!Number.isSafeInteger(older) || !Number.isSafeInteger(newer))
    throw usage("--from and --to take numbers of events, and are given together")
  return { from: older, to: newer }
}

function provenTrees(proof: Uint8Array, { from, to }: TreeSizes, file: string | null): Outcome {
  if (file !== null) writeBundle(file, proof)
  const said = `the tree of ${to} events extends the one of ${from}`
  return {
    exit: 0,
    data: { from, to, ...(file === null ? { proof: text(proof) } : { file }) },
    lines: [file === null ? text(proof).trimEnd() : `${file}: ${said}`],
  }
}

function usage(message: string): AmcError {
  return new AmcError("usage/invalid", message, { hint: "see 'amc ledger prove --help'" })
}

/** A receipt is long, so it may stand in a file. */
async function nameOf(context: Context, name: string): Promise<string> {
  return name.startsWith("@")
    ? text(await context.readFile(resolve(context.cwd, name.slice(1))))
    : name
}
