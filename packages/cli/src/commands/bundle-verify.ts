import { readBundleHere } from "@amc/studio"
import { exitOf, verdictLines } from "@amc/verify"
import { type Command, type Context, textOption } from "../command.ts"
import { viewReport } from "../report-view.ts"
import { givenTrust } from "../root-option.ts"
import { timeOption } from "../time-option.ts"
import { viewVerdict } from "../verdict-view.ts"
import { witnessLines, witnessOptions } from "../witness-options.ts"

export const bundleVerify: Command = {
  configure: (parser) =>
    parser
      .argument("<file>", "the bundle")
      .option(
        "--root <fingerprint>",
        "the owner's root: sha256:…, or the trust file that the owner gave you",
      )
      .option("--at <time>", "judge what expires at this time, such as 2026-11-23")
      .option(
        "--witness-policy <file>",
        "your own policy (C2SP tlog-policy): whose cosignatures count",
      )
      .option("--max-age <time>", "refuse a checkpoint that is older than this, such as 48h")
      .option(
        "--proof <file>",
        "what 'amc ledger prove --from … --to …' wrote, to a tree that was seen before",
      )
      .addHelpText(
        "after",
        `
Examples:
  amc bundle verify my-agent.amcbundle --root sha256:…
  amc bundle verify my-agent.amcbundle --root acme.trust.json

Nothing is read but the files that are named and what this machine remembers of the root from earlier
bundles; nothing is asked of any network. A root that was accepted once need not be given again.

Exit codes: 0 genuine (whether it is good enough is another question: read the report), 1 not accepted,
2 the command line is wrong or no root is known, 3 could not look, 4 tampered with.`,
      ),

  async run(context, [file = ""], options) {
    const now = context.clock()
    const verdict = await readBundleHere(await context.readFile(file), {
      state: context.state,
      trust: await givenTrust(context, textOption(options, "root")),
      nowMs: now,
      atMs: timeOption(textOption(options, "at"), "at") ?? now,
      witnesses: await witnessOptions(context, options),
      proof: await proofOption(context, textOption(options, "proof")),
      warn: (text) => context.err(`amc: warning: ${text}`),
    })
    const exit = exitOf(verdict)
    const aspects = verdictLines(verdict)
    if (!verdict.accepted)
      return {
        exit,
        data: null,
        findings: verdict.findings,
        lines: [`${file}: REJECTED`, ...viewVerdict(aspects)],
      }
    const { summary } = verdict.value
    const { workspace, agent, run_id, events, report, trust_label, witnessing } = summary
    return {
      exit,
      data: { ...summary, aspects },
      lines: [
        `${file}: accepted; ${events} events of agent ${agent} in ${workspace}, ${run_id}`,
        ...viewVerdict(aspects),
        ...witnessLines(witnessing),
        `trust       ${trust_label} by this verifier; sealed as ${report.trust_label}`,
        "",
        ...viewReport(report, { isColoured: context.isColoured }),
      ],
    }
  },
}

async function proofOption(
  context: Context,
  file: string | undefined,
): Promise<Uint8Array | undefined> {
  return file === undefined ? undefined : context.readFile(file)
}
