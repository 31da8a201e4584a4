import { resolve } from "node:path"
import { AmcError, ingestFormats } from "@amc/core"
import {
  checkAgentId,
  type CheckedFile,
  checkFile,
  type Ingested,
  ingestClaims,
  type IngestedClaims,
  ingestFile,
  openCapture,
  openWorkspace,
  requireKnownAgent,
  type Workspace,
} from "@amc/studio"
import { type Command, type Options, type Outcome, flagOption, textOption } from "../command.ts"
import { dayOf } from "../day.ts"
import { Exit } from "../exit.ts"
import { printable } from "../printable.ts"
import { traceLines } from "../trace-view.ts"

const formats = ["claims", ...ingestFormats] as const

export const ingest: Command = {
  configure: (parser) =>
    parser
      .argument("<file>", "the file of results, logs, traces or claims")
      .requiredOption("--agent <id>", "the agent that it is about")
      .requiredOption("--format <name>", formats.join(", "))
      .option("--about <question>", "the question that the results are about, such as SK-02")
      .option("--dry-run", "only read it and say what it says; records nothing")
      .addHelpText(
        "after",
        `
Examples:
  amc ingest trace.jsonl --agent my-agent --format otlp --dry-run
  amc ingest results.json --agent my-agent --format promptfoo --about SK-02

Records the file as SELF_REPORTED: it can lower a level and raises none until an auditor vouches for it ('amc attest').
The calls of a trace are compared with the monitor's receipts. What counts is when a file came in, not the times in
it. A file that can't be read to its end leaves nothing behind, and a file that is there already is not recorded again.

Exit codes: 0 done, 1 a dry run found calls of a trace that do not correlate, 3 the file can't be read.`,
      ),

  async run(context, [file = ""], options) {
    const agent = textOption(options, "agent") ?? ""
    checkAgentId(agent)
    const format = formatOf(options)
    const workspace = openWorkspace(context.cwd, context.state, context.clock())
    const path = resolve(context.cwd, file)
    if (flagOption(options, "dryRun")) return dryOutcome(workspace, { agent, path, format })
    context.err(`workspace: ${workspace.dir}`)
    const capture = await openCapture(workspace, { clock: context.clock, monitorOnly: true })
    try {
      await requireKnownAgent(capture, agent)
      const about = textOption(options, "about") ?? null
      return format === "claims"
        ? claimsOutcome(await ingestClaims(capture, agent, path))
        : fileOutcome(await ingestFile(capture, { agent, path, format, about }), agent)
    } finally {
      await capture.close()
    }
  },
}

function formatOf(options: Options): (typeof formats)[number] {
  const name = textOption(options, "format")
  const format = formats.find((each) => each === name)
  if (format === "claims" && options["about"] !== undefined)
    throw new AmcError("usage/invalid", "claims name the questions that they are about")
  if (format !== undefined) return format
  throw new AmcError("usage/invalid", `--format takes one of ${formats.join(", ")}`)
}

async function dryOutcome(
  workspace: Workspace,
  terms: { agent: string; path: string; format: (typeof formats)[number] },
): Promise<Outcome> {
  const { format } = terms
  if (format === "claims")
    throw new AmcError("usage/invalid", "a dry run is for results, logs and traces")
  const { facts, isTorn, trace } = await checkFile(workspace, { ...terms, format })
  const isGood = trace === null || trace.verdicts.correlated === trace.calls
  const data = { ...facts, torn: isTorn, trace }
  const lines = contentLines("nothing is recorded", { facts, isTorn, trace })
  return { exit: isGood ? Exit.accepted : Exit.rejected, data, lines }
}

function claimsOutcome({ recorded, file, unknown }: IngestedClaims): Outcome {
  const { lseq, event_hash } = recorded
  const { by, overall = null, claims } = file
  const told = `${claims.length} claims by the ${by}${overall === null ? "" : `, and ${overall} overall`}`
  const data = { lseq, event_hash, by, overall, claims: claims.length, unknown_questions: unknown }
  const strangers = unknown.length === 0 ? [] : [`no questions of the bank: ${unknown.join(", ")}`]
  const lines = [
    `recorded as event ${lseq}, to be shown beside the evidence: ${told}`,
    ...strangers,
  ]
  return { exit: Exit.accepted, data, lines }
}

function fileOutcome(ingested: Ingested, agent: string): Outcome {
  const { isKnown, lseq, event_hash, source_sha256, facts, isTorn, trace } = ingested
  const data = { known: isKnown, lseq, event_hash, source_sha256, ...facts, torn: isTorn, trace }
  return { exit: Exit.accepted, data, lines: linesOf(ingested, agent) }
}

function linesOf(ingested: Ingested, agent: string): string[] {
  const { isKnown, lseq, trace } = ingested
  const where = isKnown
    ? `this file came in before, as event ${lseq}, and is not recorded again`
    : `recorded as event ${lseq}, SELF_REPORTED`
  return [...contentLines(where, ingested), ...(trace === null ? [attestText(lseq, agent)] : [])]
}

function contentLines(where: string, { facts, isTorn, trace }: CheckedFile): string[] {
  const { tool, entries, passed, failed, undecided } = facts
  const from = tool === "" ? "" : ` by ${printable(tool)}`
  const results = `, ${passed} passed, ${failed} failed, ${undecided} undecided`
  return [
    `${where}: ${entries} entries${from}${trace === null ? results : ""}`,
    ...(facts.from_ms < 0 ? [] : [timesText(facts)]),
    ...(isTorn ? ["the last line broke off and was left out"] : []),
    ...(trace === null ? [] : traceLines(trace)),
  ]
}

function timesText({ from_ms: from, to_ms: to }: Ingested["facts"]): string {
  return `it says that it is of ${dayOf(from)}${dayOf(from) === dayOf(to) ? "" : ` to ${dayOf(to)}`}; what counts is that it came in now`
}

function attestText(lseq: number, agent: string): string {
  return `until an auditor vouches for it, it raises nothing: amc attest ${lseq} --agent ${agent} --reason "…"`
}
