import { diffReports } from "@amc/score"
import { type EvidenceDiff, diffEvidence, exitOf } from "@amc/verify"
import { readBundleHere } from "@amc/studio"
import { type Command, textOption } from "../command.ts"
import { Exit } from "../exit.ts"
import { printable } from "../printable.ts"
import { viewReportDiff } from "../report-diff-view.ts"
import { givenTrust } from "../root-option.ts"
import { timeOption } from "../time-option.ts"

export const bundleDiff: Command = {
  configure: (parser) =>
    parser
      .argument("<from>", "the earlier bundle")
      .argument("<to>", "the later bundle")
      .option(
        "--root <fingerprint>",
        "the owner's root: sha256:…, or the trust file that the owner gave you",
      )
      .option("--at <time>", "judge what expires at this time, such as 2026-11-23")
      .addHelpText(
        "after",
        `
Example:
  amc bundle diff release-1.amcbundle release-2.amcbundle --root acme.trust.json

Both are verified first, under one root. Then: what moved by question, and what evidence the later one has more, or lacks.
Another bank or engine begins a new series, and is refused.

Exit codes: those of 'bundle verify' for the first that is not accepted; 0 if both are, whatever moved.`,
      ),

  async run(context, files, options) {
    const nowMs = context.clock()
    const terms = {
      state: context.state,
      trust: await givenTrust(context, textOption(options, "root")),
      nowMs,
      atMs: timeOption(textOption(options, "at"), "at") ?? nowMs,
      warn: (text: string) => context.err(`amc: warning: ${text}`),
    }
    const read = []
    for (const file of files) {
      const verdict = await readBundleHere(await context.readFile(file), terms)
      if (!verdict.accepted) {
        const exit = exitOf(verdict)
        const lines = [printable(`${file}: REJECTED`)]
        return { exit, data: null, findings: verdict.findings, lines }
      }
      read.push(verdict.value)
    }
    const [from, to] = read as [(typeof read)[number], (typeof read)[number]]
    const diff = diffReports(from.summary.report, to.summary.report)
    const evidence = diffEvidence(from, to)
    return {
      exit: Exit.accepted,
      data: { diff, evidence },
      lines: [...viewReportDiff(diff), ...evidenceLines(evidence)],
    }
  },
}

function evidenceLines({ events, continues, sessions }: EvidenceDiff): string[] {
  const { shared, only_from, only_to } = events
  const { only_from: gone, only_to: added } = sessions
  return [
    `evidence  ${shared} events in both, ${only_to} more in the later one, ${only_from} in the earlier one alone`,
    `sessions  ${added.length} more in the later one, ${gone.length} in the earlier one alone`,
    continues
      ? "the later one holds all evidence of the earlier one"
      : "the later one does NOT hold all evidence of the earlier one: another ledger, or the order is the other way round",
  ]
}
