import { once } from "node:events"
import { openWitness, parseLogs } from "@amc/studio"
import { type Command, type Context, flagOption, textOption } from "../command.ts"
import { Exit } from "../exit.ts"
import { textOptions } from "../passphrase-options.ts"
import { listenAddress } from "../listen-address.ts"
import { witnessDir } from "../witness-place.ts"

export const witnessServe: Command = {
  configure: (parser) =>
    parser
      .option("--dir <folder>", "the folder that 'amc witness init' made", "witness")
      .option(
        "--listen <host:port>",
        "where to listen; port 0 takes one that is free",
        "127.0.0.1:3215",
      )
      .requiredOption(
        "--log <origin-and-vkeys...>",
        "a ledger that it cosigns, by its verifier keys (from 'amc keys export --format vkey'); repeatable",
      )
      .addHelpText(
        "after",
        `
Examples:
  amc witness serve --log acme/ledger+760b1626+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c
  amc witness serve --dir /srv/w1 --listen 0.0.0.0:3215 --log acme/ledger <vkey> <vkey after a rotation>

Speaks C2SP tlog-witness: POST /add-checkpoint. Put a TLS proxy in front of it where others reach it. Ends with Ctrl-C.`,
      ),

  async run(context, _args, options) {
    const served = await openWitness({
      dir: witnessDir(context, options),
      ...listenAddress(textOption(options, "listen") ?? ""),
      logs: parseLogs(textOptions(options, "log")),
      clock: context.clock,
      warn: (text) => context.err(`warning: ${text}`),
    })
    const { url, vkey } = served
    context.out(
      flagOption(options, "json")
        ? JSON.stringify({ url, vkey })
        : `${url} cosigns as ${vkey} (Ctrl-C ends it)`,
    )
    await stopped(context)
    await served.close()
    return { exit: Exit.accepted, data: null, lines: [], isStream: true }
  },
}

async function stopped({ signal }: Context): Promise<void> {
  if (!signal.aborted) await once(signal, "abort")
}
