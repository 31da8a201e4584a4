import { openWorkspace, reconcile, type Unmatched } from "@amc/studio"
import { type Command, textOption } from "../command.ts"
import { duration } from "../duration.ts"
import { Exit } from "../exit.ts"

export const gatewayReconcile: Command = {
  configure: (parser) =>
    parser
      .option("--agent <id>", "calls of this agent alone")
      .option("--since <time>", "calls of the last so long, such as 90m, 24h or 14d")
      .addHelpText(
        "after",
        `
Counts requests = responses + open, and names each call that lacks its counterpart. Exit 0 if that holds and what is
open lies in sessions that are not sealed yet; 1 if not. 'amc verify' checks the signatures.

Example:
  amc gateway reconcile --agent my-agent --since 24h`,
      ),

  async run(context, _args, options) {
    const since = textOption(options, "since")
    const workspace = openWorkspace(context.cwd, context.state, context.clock())
    const found = await reconcile(workspace, {
      agent: textOption(options, "agent"),
      sinceMs: since === undefined ? undefined : context.clock() - duration(since, "since"),
    })
    const { lane, agents, unmatched, isBalanced } = found
    return {
      exit: isBalanced ? Exit.accepted : Exit.rejected,
      data: { lane, agents, unmatched, balanced: isBalanced },
      lines: [
        ...agents.map(
          ({ agent, requests, responses, open }) =>
            `${agent}  ${requests} requests = ${responses} responses + ${open} open`,
        ),
        ...unmatched.map(lineOf),
        ...(agents.length === 0 ? ["no calls are recorded"] : []),
      ],
    }
  },
}

const words: Readonly<Record<Unmatched["what"], string>> = {
  open: "has no response yet",
  "never-closed": "has no response, and its session is sealed",
  "closed-twice": "has a second response",
  "no-request": "is a response to no request",
  "other-request": "is a response to another request than it says",
}

function lineOf({ agent, session, call_id, lseq, what }: Unmatched): string {
  return `${agent}  event ${lseq}: ${call_id} ${words[what]} (session ${session})`
}
