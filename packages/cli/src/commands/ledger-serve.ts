import { once } from "node:events"
import { openWorkspace, serveTiles, tileStoreOf } from "@amc/studio"
import { type Command, flagOption, textOption } from "../command.ts"
import { Exit } from "../exit.ts"
import { listenAddress } from "../listen-address.ts"

export const ledgerServe: Command = {
  configure: (parser) =>
    parser
      .option("--listen <address>", "host and port; port 0 takes a free one", "127.0.0.1:0")
      .addHelpText(
        "after",
        `
Examples:
  amc ledger serve --listen 127.0.0.1:8080
  curl http://127.0.0.1:8080/checkpoint

Serves exactly /checkpoint and /tile/… (C2SP tlog-tiles), to be read and no more, until Ctrl-C. Whoever can reach
it reads every event with its facts; payloads are not served.`,
      ),

  async run(context, _args, options) {
    const workspace = openWorkspace(context.cwd, context.state, context.clock())
    const address = listenAddress(textOption(options, "listen") ?? "")
    const server = await serveTiles(tileStoreOf(workspace), address)
    const { origin } = workspace
    context.out(
      flagOption(options, "json")
        ? JSON.stringify({ url: server.url, origin })
        : `${server.url}/checkpoint  (${origin}; Ctrl-C ends it)`,
    )
    if (!context.signal.aborted) await once(context.signal, "abort")
    await server.close()
    return { exit: Exit.accepted, data: null, lines: [], isStream: true }
  },
}
