import { resolve } from "node:path"
import { AmcError } from "@amc/core"
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
import { addAgentOptions, sessionTerms, wholeNumber } from "../agent-options.ts"
import { type Command, type Context, type Options, textOption } from "../command.ts"
import { Exit } from "../exit.ts"
import { viewReport } from "../report-view.ts"
import { windowDays } from "./run.ts"

export const score: Command = {
  configure: (parser) =>
    addAgentOptions(parser)
      .option("--sessions <n>", "how often the agent is run", "3")
      .option("--work <folder>", "copied to /workspace for each session", ".")
      .option(
        "--check <command>",
        "your command that says by exit 0 whether the work is done; name the check's files: what the command names is kept from the agent and put back before it runs",
      )
      .option("--claims <file>", "claims to show beside the evidence")
      .option(
        "--driver <name>",
        "bubblewrap, or none for no box (the result is then INVALID)",
        "bubblewrap",
      )
      .option("--window <days>", "how far back evidence counts", "14")
      .option("--out <file>", "where the bundle goes; by default <run>.amcbundle in the workspace")
      .addHelpText(
        "after",
        "\nExample:\n  amc score --agent my-agent --sessions 5 --check 'node check.js' -- node my-agent.js",
      ),

  async run(context, args, options) {
    const terms = sessionTerms(context, args, options, driverOf(options))
    checkAgentId(terms.agent)
    const sessions = wholeNumber(textOption(options, "sessions"), "sessions", 1000)
    const claims = textOption(options, "claims")
    const workspace = await openOrInit(context)
    const warned = new Set<string>()
    const scored = await capture(context, workspace, {
      ...terms,
      providerId: textOption(options, "provider") ?? "",
      sessions,
      claims: claims === undefined ? null : resolve(context.cwd, claims),
      windowDays: windowDays(textOption(options, "window")),
      onSession: (number, { check, posture, exitCode, warnings }) => {
        for (const warning of warnings.filter((each) => !warned.has(each)))
          context.err(`warning: ${warning}`)
        for (const warning of warnings) warned.add(warning)
        context.err(
          `session ${number} of ${sessions}: agent exit ${exitCode}, posture ${posture}, check ${check.verdict}`,
        )
        if (check.verdict === "failed" && check.said !== "")
          context.err(`  the check's last words: ${check.said.slice(-300)}`)
      },
    })
    return bundled(context, workspace, scored, textOption(options, "out"))
  },
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
  terms: Parameters<typeof scoreAgent>[1],
): Promise<Scored> {
  context.progress("opening the vault and the ledger")
  const opened = await openCapture(workspace, { clock: context.clock })
  try {
    context.progress(`running ${terms.agent} in ${terms.sessions} sessions`)
    return await scoreAgent(opened, terms)
  } finally {
    await opened.close()
  }
}

async function bundled(
  context: Context,
  workspace: Workspace,
  { report, stored }: Scored,
  out: string | undefined,
) {
  context.progress("writing the bundle")
  const file =
    out === undefined
      ? `${workspace.dir}/runs/${stored.runId}.amcbundle`
      : resolve(context.cwd, out)
  const bytes = await exportBundle(workspace, { agent: report.agent, runId: stored.runId })
  writeBundle(file, bytes)
  const root = `sha256:${workspace.rootSha256}`
  return {
    exit: Exit.accepted,
    data: { report, bundle: file, root },
    lines: [
      ...viewReport(report, { isColoured: context.isColoured }),
      "",
      `report  ${workspace.dir}/runs/${stored.runId}/report.json`,
      `bundle  ${file}`,
      `verify  npx --no-install amc bundle verify ${file} --root ${root}`,
    ],
  }
}

function driverOf(options: Options): "bubblewrap" | "none" {
  const driver = textOption(options, "driver")
  if (driver === "bubblewrap" || driver === "none") return driver
  throw new AmcError("usage/invalid", "--driver takes bubblewrap or none")
}
