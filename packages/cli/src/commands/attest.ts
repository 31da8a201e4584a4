import { AmcError } from "@amc/core"
import { attestEvents, checkAgentId, openCapture, openWorkspace } from "@amc/studio"
import { type Command, textOption } from "../command.ts"
import { Exit } from "../exit.ts"

export const attest: Command = {
  configure: (parser) =>
    parser
      .argument("<first>", "the number of an event, as 'amc ingest' and 'amc ledger tail' give it")
      .argument("[last]", "the number of the last event, for a range")
      .requiredOption("--agent <id>", "the agent whose events are meant")
      .requiredOption("--reason <text>", "why the auditor vouches for them; it is signed with them")
      .addHelpText(
        "after",
        `
Example:
  amc attest 37 --agent my-agent --reason our-own-evaluation

Signs with the auditor's key that what came in from outside among these events is as it says, and records that: it
counts as ATTESTED from then on. When it came in does not change. What the monitor observed needs no attestation.`,
      ),

  async run(context, [first = "", last = first], options) {
    const agent = textOption(options, "agent") ?? ""
    checkAgentId(agent)
    const [fromLseq, toLseq] = [eventNumber(first), eventNumber(last)]
    const workspace = openWorkspace(context.cwd, context.state, context.clock())
    context.err(`workspace: ${workspace.dir}`)
    const capture = await openCapture(workspace, { clock: context.clock })
    try {
      const reason = textOption(options, "reason") ?? ""
      const attested = await attestEvents(capture, { agent, fromLseq, toLseq, reason })
      const { broughtIn, lseq } = attested
      const events = broughtIn === 1 ? "1 event" : `${broughtIn} events`
      return {
        exit: Exit.accepted,
        data: { ...attested, brought_in: broughtIn, broughtIn: undefined },
        lines: [`the auditor vouches for ${events} that came in from outside: event ${lseq}`],
      }
    } finally {
      await capture.close()
    }
  },
}

function eventNumber(text: string): number {
  if (/^\d{1,15}$/u.test(text)) return Number(text)
  throw new AmcError("usage/invalid", "an event's number is digits, as 'amc ledger tail' shows it")
}
