import { initWitness, witnessFiles } from "@amc/studio"
import { type Command, textOption } from "../command.ts"
import { Exit } from "../exit.ts"
import { witnessDir } from "../witness-place.ts"

export const witnessInit: Command = {
  configure: (parser) =>
    parser
      .requiredOption("--name <name>", "what the witness is called: a host and path of yours")
      .option("--dir <folder>", "where its files go", "witness")
      .addHelpText(
        "after",
        `
Example:
  amc witness init --name witness.example.com/w1

A witness is worth something to those who trust whoever runs it, and nothing on the machine of the ledger that it
watches. Never copy its files back from an older state: it would cosign twice. One that lost them gets a new key.`,
      ),

  async run(context, _args, options) {
    const dir = witnessDir(context, options)
    const name = textOption(options, "name") ?? ""
    const vkey = await initWitness(dir, name)
    const files = witnessFiles(dir)
    return {
      exit: Exit.accepted,
      data: { dir, name, vkey },
      lines: [
        `witness     ${name} in ${dir}`,
        `key         ${files.key} (its passphrase lies beside it: keep the folder to yourself)`,
        `vkey        ${vkey}`,
        "",
        "Give the vkey to the ledgers that it is to watch and to those who verify them.",
        `Next: amc witness serve --dir ${dir} --log <vkey of a ledger>`,
      ],
    }
  },
}
