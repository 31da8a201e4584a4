import { openWorkspace, reachGateway } from "@amc/studio"
import type { Command } from "../command.ts"
import { Exit } from "../exit.ts"

export const leaseRevoke: Command = {
  configure: (parser) =>
    parser
      .argument("<id>", "the lease's id, or its first eight characters or more")
      .addHelpText(
        "after",
        "\nEnds a lease at once; calls under way are broken off.\n\nExample:\n  amc lease revoke 0123456789ab",
      ),

  async run(context, [id = ""]) {
    const workspace = openWorkspace(context.cwd, context.state, context.clock())
    const lease = await reachGateway(workspace).revoke(id)
    return {
      exit: Exit.accepted,
      data: { id: lease.id, agent: lease.agent },
      lines: [`lease ${lease.id.slice(0, 12)} of ${lease.agent} counts no more`],
    }
  },
}
