import { verifyWorkspace } from "@amc/studio"
import { exitOf } from "@amc/verify"
import type { Command } from "../command.ts"
import { coverageLines, witnessLines, witnessOptions } from "../witness-options.ts"

export const verify: Command = {
  configure: (parser) =>
    parser
      .option(
        "--witness-policy <file>",
        "your own policy (C2SP tlog-policy): whose cosignatures count",
      )
      .option("--max-age <time>", "refuse a newest checkpoint that is older than this, such as 48h")
      .addHelpText(
        "after",
        "\nExit codes: 0 all is as it was written, 1 not good enough, 3 could not look, 4 tampered with.",
      ),

  async run(context, _args, options) {
    const verdict = await verifyWorkspace(context.cwd, context.state, {
      clock: context.clock,
      witnesses: await witnessOptions(context, options),
      progress: context.progress,
    })
    const exit = exitOf(verdict)
    if (!verdict.accepted)
      return { exit, data: null, findings: verdict.findings, lines: ["REJECTED"] }
    const { events, sessions, blobs, pruned, checkpoints, runs, witnessing } = verdict.value
    return {
      exit,
      data: verdict.value,
      lines: [
        `accepted: ${events} events, ${sessions} sealed sessions, ${blobs} stored payloads${pruned === 0 ? "" : ` and ${pruned} let go`}, ${checkpoints} checkpoints, ${runs} runs`,
        ...coverageLines(witnessing),
        ...witnessLines(witnessing),
      ],
    }
  },
}
