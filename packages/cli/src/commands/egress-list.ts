import { listEgress, openWorkspace } from "@amc/studio"
import type { Command } from "../command.ts"
import { Exit } from "../exit.ts"
import { printable } from "../printable.ts"

export const egressList: Command = {
  configure: (parser) => parser.addHelpText("after", "\nExample:\n  amc egress list"),

  async run(context) {
    const now = context.clock()
    const workspace = openWorkspace(context.cwd, context.state, now)
    const { config, egress } = await listEgress(workspace, now)
    const { flaw, version } = config
    const signature =
      flaw === null
        ? `signed, version ${version}`
        : `${flaw.code}: ${flaw.detail}; so agents may connect to nothing`
    const allowed = egress.allow.map((place) =>
      /:\d+$/.test(place) ? place : `${place}  ports 443 and 80`,
    )
    return {
      exit: Exit.accepted,
      data: { egress, signature: flaw?.code ?? "valid", version },
      lines: [
        ...(allowed.length === 0
          ? ["agents may connect to nothing besides their providers"]
          : allowed),
        ...egress.addresses.map(
          (range) => `addresses of ${range} too, where an allowed name leads to them`,
        ),
        `gateway.yaml: ${signature}`,
      ].map(printable),
    }
  },
}
