import { AmcError, isFactType, printableJson } from "@amc/core"
import { openWorkspace, type TailedEvent, tailLedger } from "@amc/studio"
import { wholeNumber } from "../agent-options.ts"
import { type Command, flagOption, textOption } from "../command.ts"
import { Exit } from "../exit.ts"
import { localTime } from "../local-time.ts"
import { printable } from "../printable.ts"

export const ledgerTail: Command = {
  configure: (parser) =>
    parser
      .option("--lines <n>", "how many of the last events", "20")
      .option("--follow", "go on with what is recorded, until Ctrl-C")
      .option("--agent <id>", "only events of this agent; _system for the workspace's own")
      .option("--type <type>", "only events of this type, such as llm_request")
      .addHelpText(
        "after",
        `
Examples:
  amc ledger tail --follow --agent my-agent
  amc ledger tail --type audit --json

With --json each event is one line. Nothing is verified here, and part of it is what agents and models said:
'amc verify' checks the ledger, 'amc ledger prove' an event.`,
      ),

  async run(context, _args, options) {
    const workspace = openWorkspace(context.cwd, context.state, context.clock())
    const isJson = flagOption(options, "json")
    const terms = {
      last: wholeNumber(textOption(options, "lines"), "lines", 100_000),
      agent: textOption(options, "agent"),
      type: typeOption(textOption(options, "type")),
      until: flagOption(options, "follow") ? context.signal : undefined,
    }
    await tailLedger(workspace, terms, (one) =>
      context.out(isJson ? printableJson(JSON.stringify(one)) : lineOf(one)),
    )
    return { exit: Exit.accepted, data: null, lines: [], isStream: true }
  },
}

function typeOption(type: string | undefined): string | undefined {
  if (type === undefined || isFactType(type)) return type
  throw new AmcError("usage/invalid", `there is no event type '${printable(type)}'`, {
    hint: "types are those that 'amc ledger tail' shows, such as llm_request, audit, session_seal",
  })
}

function lineOf({ event_hash, event }: TailedEvent): string {
  const { lseq, ts, agent, type, facts } = event
  const told = JSON.stringify(facts.measured)
  const short = told.length > 100 ? `${told.slice(0, 99)}…` : told
  return printable(
    `${String(lseq).padStart(6)}  ${localTime(ts)}  ${event_hash.slice(0, 12)}  ${agent.padEnd(12)}  ${type.padEnd(21)}  ${short}`,
  )
}
