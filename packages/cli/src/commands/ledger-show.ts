import { resolve } from "node:path"
import { text } from "@amc/core"
import { openWorkspace, parseEventName, showEvent, type ShownEvent } from "@amc/studio"
import { exitOf } from "@amc/verify"
import type { Command } from "../command.ts"
import { Exit } from "../exit.ts"
import { printable } from "../printable.ts"

export const ledgerShow: Command = {
  configure: (parser) =>
    parser
      .argument("<event>", "a number, a hash, the text of a receipt, or @file with one of them")
      .addHelpText(
        "after",
        `
Example:
  amc ledger show 41

Whether the event is at its place in an unbroken chain is for 'amc verify' to say.`,
      ),

  async run(context, [name = ""]) {
    const workspace = openWorkspace(context.cwd, context.state, context.clock())
    const given = name.startsWith("@")
      ? text(await context.readFile(resolve(context.cwd, name.slice(1))))
      : name
    const verdict = await showEvent(workspace, parseEventName(given))
    if (!verdict.accepted)
      return { exit: exitOf(verdict), data: null, findings: verdict.findings, lines: ["NOT THERE"] }
    const shown = verdict.value
    const exit = shown.signature === "invalid" ? Exit.tampered : Exit.accepted
    return { exit, data: shown, lines: linesOf(shown) }
  },
}

function linesOf(shown: ShownEvent): string[] {
  const { event_hash, event, signature, covered } = shown
  const body = JSON.stringify(event, null, 2).split("\n")
  return [
    `event      ${event_hash}`,
    `signature  ${signature}`,
    `published  ${covered ? "a checkpoint covers it" : "not yet covered by a checkpoint"}`,
    `payload    ${payloadOf(shown)}`,
    "",
    ...body.map(printable),
  ]
}

function payloadOf({ stored_bytes, pruned_by }: ShownEvent): string {
  if (stored_bytes !== null) return `${stored_bytes} bytes stored`
  return pruned_by === null ? "not stored" : `let go, as event ${pruned_by} says`
}
