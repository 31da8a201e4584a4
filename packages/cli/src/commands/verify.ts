import { verifyWorkspace } from "@amc/studio"
import { exitOf } from "@amc/verify"
import type { Command } from "../command.ts"

export const verify: Command = {
  configure: (parser) =>
    parser.addHelpText(
      "after",
      "\nExit codes: 0 all is as it was written, 1 not good enough, 3 could not look, 4 tampered with.",
    ),

  async run(context) {
    const verdict = await verifyWorkspace(context.cwd, context.state, {
      clock: context.clock,
      progress: context.progress,
    })
    const exit = exitOf(verdict)
    if (!verdict.accepted)
      return { exit, data: null, findings: verdict.findings, lines: ["REJECTED"] }
    const { events, sessions, blobs, checkpoints, runs } = verdict.value
    return {
      exit,
      data: verdict.value,
      lines: [
        `accepted: ${events} events, ${sessions} sealed sessions, ${blobs} stored payloads, ${checkpoints} checkpoints, ${runs} runs`,
      ],
    }
  },
}
