import { openWorkspace, recoverLedger, type RecoveredLedger } from "@amc/studio"
import type { Command } from "../command.ts"
import { Exit } from "../exit.ts"

export const ledgerRecover: Command = {
  configure: (parser) =>
    parser.addHelpText(
      "after",
      `
Example:
  amc ledger recover

Closes the calls and sessions that a crash left open, by signed events after one that says that there is a gap. The
next command that records does so too. Nothing that was recorded is deleted or changed, and where nothing is open
nothing is written.

Exit codes: 0 nothing is open any more, 3 another amc records here, or the vault can't be opened.`,
    ),

  async run(context) {
    const workspace = openWorkspace(context.cwd, context.state, context.clock())
    const recovered = await recoverLedger(workspace, context.clock)
    return { exit: Exit.accepted, data: recovered, lines: linesOf(recovered) }
  },
}

function linesOf({ sessions, events, configs, spooled }: RecoveredLedger): string[] {
  const lines = sessions.map(({ session, agent, calls, connections }) => {
    const parts = [`${calls.length} calls`, `${connections.length} connections`]
    return `closed ${session} of ${agent}, with ${parts.join(" and ")} under way`
  })
  if (events.length > 0) lines.push(`events ${events[0]} to ${events.at(-1)} say so`)
  for (const path of configs) lines.push(`finished the signing of ${path}`)
  if (lines.length === 0) lines.push("nothing is open")
  if (spooled > 0) lines.push(`${spooled} bodies that no event names are kept in .amc/spool`)
  return lines
}
