import { once } from "node:events"
import { openWorkspace, StandingGateway } from "@amc/studio"
import { type Command, flagOption, textOption } from "../command.ts"
import { Exit } from "../exit.ts"
import { portOption } from "../listen-address.ts"
import { ownAddress } from "../own-address.ts"

export const gatewayStart: Command = {
  configure: (parser) =>
    parser
      .option(
        "--listen <address>",
        "an address of this machine and a port; port 0 takes a free one",
        "127.0.0.1:3210",
      )
      .option(
        "--egress-port <port>",
        "where its egress proxy listens, on the same address; 0 takes a free one",
        "3212",
      )
      .option(
        "--plain-network",
        "lets --listen take any address: leases and calls travel there unencrypted, so only for a network inside one machine",
      )
      .addHelpText(
        "after",
        `
Examples:
  amc gateway start
  amc lease issue --agent my-agent --provider openai --ttl 8h      (in another terminal)
  amc gateway start --listen 0.0.0.0:3210 --plain-network          (in a container, for agents in others)

Runs until Ctrl-C. Meanwhile it alone writes this workspace's evidence: commands that write, such as 'amc run' and
'amc config sign', have to wait. The witnesses of a signed witnesses.yaml are asked when it starts and each hour.
Only the monitor's passphrase is needed. Leases live in its memory and end with it. Where signed config lets agents
connect to something ('amc egress allow'), it has an egress proxy too, which takes the same leases as credentials.`,
      ),

  async run(context, _args, options) {
    const address = ownAddress(
      textOption(options, "listen") ?? "",
      flagOption(options, "plainNetwork"),
    )
    const workspace = openWorkspace(context.cwd, context.state, context.clock())
    const gateway = await StandingGateway.start(workspace, {
      ...address,
      egressPort: portOption(textOption(options, "egressPort") ?? "", "egress-port"),
      clock: context.clock,
      warn: (text) => context.err(`amc: warning: ${text}`),
    })
    context.out(
      flagOption(options, "json")
        ? JSON.stringify({ url: gateway.url, egress_url: gateway.egressUrl, pid: process.pid })
        : `${gateway.url}  (Ctrl-C ends it; leases by 'amc lease issue')`,
    )
    if (gateway.egressUrl !== null) context.err(`egress proxy: ${gateway.egressUrl}`)
    if (!context.signal.aborted) await once(context.signal, "abort")
    await gateway.close()
    return { exit: Exit.accepted, data: null, lines: [], isStream: true }
  },
}
