import {
  agentLimits,
  checkAgentId,
  type Driver,
  openCapture,
  openWorkspace,
  runSession,
} from "@amc/studio"
import { chosenProviders, sessionTerms, warnOfNoBox } from "./agent-options.ts"
import { type Context, flagOption, type Options, type Outcome } from "./command.ts"
import { callLines, checkLines, connectionLines } from "./session-view.ts"
import { steadyTerminal } from "./terminal.ts"

/**
 * Runs an agent once, with its streams connected to ours, and ends with its exit code. What AMC itself
 * has to say goes to stderr, so that the agent's output stays its own.
 */
export async function runOnce(
  context: Context,
  args: readonly string[],
  options: Options,
  driver: Driver,
): Promise<Outcome> {
  const base = sessionTerms(context, args, options, driver)
  checkAgentId(base.agent)
  const workspace = openWorkspace(context.cwd, context.state, context.clock())
  context.err(`amc: workspace: ${workspace.dir}`)
  warnOfNoBox(context, driver)
  const capture = await openCapture(workspace, { clock: context.clock })
  try {
    const providers = await chosenProviders(context, capture, options)
    const limits = await agentLimits(capture, base.agent)
    const isJson = flagOption(options, "json")
    const echo = {
      stdout: (bytes: Uint8Array) => void (isJson ? process.stderr : process.stdout).write(bytes),
      stderr: (bytes: Uint8Array) => void process.stderr.write(bytes),
    }
    const result = await runSession(capture, {
      ...base,
      limits,
      providers,
      stdin: process.stdin,
      echo,
    })
    steadyTerminal(process.stdout)
    steadyTerminal(process.stderr)
    context.err(
      `amc: session ${result.session} of ${base.agent}: posture ${result.posture}${result.hardened ? ", hardened" : ""}`,
    )
    for (const warning of result.warnings) context.err(`amc: warning: ${warning}`)
    for (const reason of result.reasons) context.err(`amc:   ${reason}`)
    if (result.check.verdict !== "not-checked") context.err(`amc: check ${result.check.verdict}`)
    for (const line of [...checkLines(result), ...callLines(result), ...connectionLines(result)])
      context.err(`amc: ${line}`)
    return { exit: result.exitCode, data: result, lines: [] }
  } finally {
    process.stdin.destroy()
    await capture.close()
  }
}
