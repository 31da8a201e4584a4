import { openWorkspace, reachGateway } from "@amc/studio"
import type { Command } from "../command.ts"
import { Exit } from "../exit.ts"
import { localTime } from "../local-time.ts"

export const leaseList: Command = {
  configure: (parser) =>
    parser.addHelpText(
      "after",
      "\nLists the leases of the gateway that runs.\n\nExample:\n  amc lease list",
    ),

  async run(context) {
    const workspace = openWorkspace(context.cwd, context.state, context.clock())
    const leases = await reachGateway(workspace).leases()
    return {
      exit: Exit.accepted,
      data: {
        leases: leases.map(({ id, agent, providers, expiresMs, calls, bytes, policies }) => ({
          id,
          agent,
          providers,
          expires_ms: expiresMs,
          calls,
          bytes,
          policies,
        })),
      },
      lines: leases.map(
        ({ id, agent, providers, expiresMs, calls }) =>
          `${id.slice(0, 12)}  ${agent}  ${providers.join(",")}  ${calls} calls  until ${localTime(expiresMs)}`,
      ),
    }
  },
}
