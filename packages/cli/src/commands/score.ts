import { resolve } from "node:path"
import { isFault } from "@amc/core"
import {
  checkAgentId,
  exportBundle,
  findWorkspaceDir,
  initWorkspace,
  openCapture,
  openWorkspace,
  scoreAgent,
  type Scored,
  type Workspace,
  writeBundle,
} from "@amc/studio"
import {
  addAgentOptions,
  addBoxOptions,
  chosenProviders,
  driverOf,
  sessionTerms,
  warnOfNoBox,
  wholeNumber,
} from "../agent-options.ts"
import { type Command, type Context, type Options, type Outcome, textOption } from "../command.ts"
import { Exit, exitOfError } from "../exit.ts"
import { requireNewFile } from "../output-file.ts"
import { textOptions } from "../passphrase-options.ts"
import { programName } from "../program-name.ts"
import { viewReport } from "../report-view.ts"
import { sessionLines, unservedHint } from "../session-view.ts"
import { shellWord } from "../shell-word.ts"
import { windowDays } from "./run.ts"

export const score: Command = {
  configure: (parser) =>
    addBoxOptions(
      addAgentOptions(parser),
      "; or none for no box, which makes every run of ANY agent here INVALID (see 'amc wrap --help')",
    )
      .option("--sessions <n>", "how often the agent is run; AMC_SESSION counts them", "3")
      .option("--work <folder>", "copied to /workspace for each session", ".")
      .option(
        "--check <command>",
        "your command that ends with 0 if the work is done. The files that it names are hidden from the agent, and put back before it runs",
      )
      .option("--claims <file>", "claims to show beside the evidence")
      .option("--window <days>", "how far back evidence counts", "14")
      .option("--out <file>", "where the bundle goes; by default <run>.amcbundle in the workspace")
      .addHelpText(
        "after",
        "\nExample:\n  amc score --agent my-agent --sessions 5 --check 'node check.js' -- node my-agent.js\n\nEnds with 0 for an INVALID report too, since it was made and sealed as it should be: read its status,\nor --json and data.report.status.",
      ),

  async run(context, args, options) {
    const terms = sessionTerms(context, args, options, driverOf(options, true))
    checkAgentId(terms.agent)
    const sessions = wholeNumber(textOption(options, "sessions"), "sessions", 1000)
    const claims = textOption(options, "claims")
    const out = textOption(options, "out")
    if (out !== undefined) requireNewFile(resolve(context.cwd, out), "--out")
    const workspace = await openOrInit(context)
    context.err(`workspace: ${workspace.dir}`)
    warnOfNoBox(context, terms.driver)
    const warned = new Set<string>()
    const scored = await capture(context, workspace, options, {
      ...terms,
      sessions,
      claims: claims === undefined ? null : resolve(context.cwd, claims),
      windowDays: windowDays(textOption(options, "window")),
      onSession: (number, result) => {
        const { check, posture, exitCode, warnings } = result
        for (const warning of warnings.filter((each) => !warned.has(each)))
          context.err(`warning: ${warning}`)
        for (const warning of warnings) warned.add(warning)
        context.err(
          `session ${number} of ${sessions}: agent exit ${exitCode}, posture ${posture}, check ${check.verdict}`,
        )
        for (const line of sessionLines(result)) context.err(line)
      },
    })
    sayUnserved(context, scored, options, args)
    return bundled(context, workspace, scored, out)
  },
}

function sayUnserved(
  context: Context,
  { sessions }: Scored,
  options: Options,
  command: readonly string[],
): void {
  if (sessions.some(({ exchanges }) => exchanges.served > 0)) return
  const providers = textOptions(options, "provider")
  const lines = unservedHint(programName(context.environment), providers, command)
  for (const line of lines) context.err(line)
}

async function openOrInit(context: Context): Promise<Workspace> {
  if (findWorkspaceDir(context.cwd) !== null)
    return openWorkspace(context.cwd, context.state, context.clock())
  const workspace = await initWorkspace({
    folder: context.cwd,
    state: context.state,
    clock: context.clock,
  })
  context.err(`made a workspace in ${workspace.dir}; its root is sha256:${workspace.rootSha256}`)
  return workspace
}

async function capture(
  context: Context,
  workspace: Workspace,
  options: Options,
  terms: Omit<Parameters<typeof scoreAgent>[1], "providers">,
): Promise<Scored> {
  context.progress("opening the vault and the ledger")
  const opened = await openCapture(workspace, { clock: context.clock })
  try {
    const providers = await chosenProviders(context, opened, options)
    context.progress(`running ${terms.agent} in ${terms.sessions} sessions`)
    return await scoreAgent(opened, { ...terms, providers })
  } finally {
    await opened.close()
  }
}

async function bundled(
  context: Context,
  workspace: Workspace,
  { report, stored, warnings }: Scored,
  out: string | undefined,
): Promise<Outcome> {
  for (const warning of warnings) context.err(`warning: ${warning}`)
  context.progress("writing the bundle")
  const { runId } = stored
  const file =
    out === undefined ? `${workspace.dir}/runs/${runId}.amcbundle` : resolve(context.cwd, out)
  const root = `sha256:${workspace.rootSha256}`
  const program = programName(context.environment)
  const shown = [
    ...viewReport(report, { isColoured: context.isColoured }),
    "",
    `report  ${workspace.dir}/runs/${runId}/report.json`,
  ]
  try {
    const terms = { agent: report.agent, runId, clock: context.clock }
    writeBundle(file, await exportBundle(workspace, terms))
  } catch (error) {
    // The run is made and sealed, so it is shown; only its bundle is missing.
    if (!isFault(error)) throw error
    return {
      exit: exitOfError(error),
      data: { report, bundle: null, root },
      findings: [{ code: error.code, subject: file, detail: error.message, tampered: false }],
      lines: [
        ...shown,
        `bundle  not written${error.hint === undefined ? "" : ` (${error.hint})`}; to try again:`,
        `        ${program} bundle export --agent ${report.agent} --run ${runId} --out <file>`,
      ],
    }
  }
  return {
    exit: Exit.accepted,
    data: { report, bundle: file, root },
    lines: [
      ...shown,
      `bundle  ${file}`,
      `verify  ${program} bundle verify ${shellWord(file)} --root ${root}`,
    ],
  }
}
