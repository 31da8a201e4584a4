import { resolve } from "node:path"
import { AmcError, certificateDaysMax } from "@amc/core"
import { gateText } from "@amc/report"
import {
  certify as certifyBundle,
  exportBundle,
  openWorkspace,
  type Workspace,
  writeBundle,
} from "@amc/studio"
import { wholeNumber } from "../agent-options.ts"
import { type Command, type Context, type Options, textOption } from "../command.ts"
import { dayOf } from "../day.ts"
import { addGateOptions, gateBy } from "../gate-options.ts"
import { requireNewFile } from "../output-file.ts"

export const certify: Command = {
  configure: (parser) =>
    addGateOptions(
      parser
        .option("--agent <id>", "the agent that the run is about")
        .option("--run <id>", "a sealed run of this workspace")
        .option("--bundle <file>", "instead of agent and run: a bundle, also of somebody else")
        .requiredOption("--out <file>", "the certificate to write; an existing file stays")
        .option("--days <n>", "for how many days it is valid, at most 365", "90"),
    ).addHelpText(
      "after",
      `
Examples:
  amc certify --agent my-agent --run run-… --policy release.yaml --out my-agent.amccert
  amc certify --bundle my-agent.amcbundle --policy release.yaml --days 30 --out my-agent.amccert

The run has to pass the policy, and its evidence has to be whole enough for any certificate. The auditor of
the workspace that you are in signs.

Exit codes: 0 issued, 1 refused, 2 wrong use, 3 could not look, 4 tampered with.`,
    ),

  async run(context, _args, options) {
    const out = resolve(context.cwd, textOption(options, "out") ?? "")
    requireNewFile(out, "--out")
    const days = wholeNumber(textOption(options, "days") ?? "", "days", certificateDaysMax)
    const now = context.clock()
    const workspace = openWorkspace(context.cwd, context.state, now)
    const verdict = await gateBy(context, options, await bundleOf(context, workspace, options))
    const { outcome, exit, issued } = await certifyBundle(workspace, verdict, { days, nowMs: now })
    const lines = gateText(outcome).trimEnd().split("\n")
    if (issued === null)
      return { exit, data: { outcome, file: null }, findings: outcome.findings, lines }
    writeBundle(out, issued.bytes)
    const { expires_ms } = issued.certificate
    return {
      exit,
      data: { outcome, file: out, certificate: issued.sha256, expires_ms },
      lines: [
        ...lines,
        "",
        `${out}: certificate ${issued.sha256}, valid until ${dayOf(expires_ms)}`,
        `check it anywhere with: amc cert verify <file> --root sha256:${workspace.rootSha256}`,
      ],
    }
  },
}

async function bundleOf(
  context: Context,
  workspace: Workspace,
  options: Options,
): Promise<Uint8Array> {
  const [agent, runId, bundle] = ["agent", "run", "bundle"].map((name) => textOption(options, name))
  if (bundle !== undefined && agent === undefined && runId === undefined)
    return context.readFile(resolve(context.cwd, bundle))
  if (bundle === undefined && agent !== undefined && runId !== undefined)
    return exportBundle(workspace, { agent, runId, clock: context.clock })
  throw new AmcError("usage/invalid", "give --agent and --run, or else --bundle")
}
