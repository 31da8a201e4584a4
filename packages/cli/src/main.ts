import pc from "picocolors"
import { type Context, flagOption, type Outcome } from "./command.ts"
import { describeError, errorEnvelope, outcomeEnvelope } from "./envelope.ts"
import { describeFinding, Exit, exitOfError } from "./exit.ts"
import { readInput } from "./input-file.ts"
import { parseCommandLine } from "./parser.ts"
import { printable } from "./printable.ts"
import { Progress } from "./progress.ts"

const version = "0.1.0"

async function main(argv: readonly string[]): Promise<number> {
  const progress = new Progress(process.stderr)
  let isJson = beforeCommand(argv).includes("--json")
  let name = "amc"
  try {
    const parsed = await parseCommandLine(argv, version)
    if (parsed.kind === "text") return print(process.stdout, [parsed.text], Exit.accepted)
    name = parsed.name
    isJson = flagOption(parsed.options, "json")
    const context = await createContext(progress)
    const outcome = await parsed.command.run(context, parsed.args, parsed.options)
    progress.end()
    return report(name, outcome, isJson)
  } catch (error) {
    progress.end()
    return reportError(name, error, isJson)
  }
}

/** What follows `--` belongs to the agent's command, `--json` included. */
function beforeCommand(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf("--")
  return end < 0 ? argv : argv.slice(0, end)
}

async function createContext(progress: Progress): Promise<Context> {
  // Loaded only here, so that help and version need not wait for the studio.
  const { StateHome } = await import("@amc/studio")
  const stop = new AbortController()
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.once(signal, () => stop.abort(signal))
  return {
    cwd: process.cwd(),
    environment: process.env,
    state: new StateHome(process.env),
    // The composition root is where the world comes in: this is the one clock of the program.
    // oxlint-disable-next-line no-restricted-globals
    clock: () => Date.now(),
    isColoured: pc.isColorSupported && process.stdout.isTTY === true,
    progress: (text) => progress.show(text),
    err: (line) => progress.line(line),
    readFile: readInput,
    signal: stop.signal,
  }
}

function report(command: string, outcome: Outcome, isJson: boolean): number {
  const { exit, findings = [], lines } = outcome
  if (isJson) return print(process.stdout, [outcomeEnvelope(command, outcome)], exit)
  for (const finding of findings) process.stderr.write(`${printable(describeFinding(finding))}\n`)
  return print(process.stdout, lines, exit)
}

function reportError(command: string, error: unknown, isJson: boolean): number {
  const exit = exitOfError(error, command)
  if (isJson) return print(process.stdout, [errorEnvelope(command, error)], exit)
  const { code, message, next } = describeError(command, error)
  // A stack keeps its lines.
  const lines = exit === Exit.bug ? message.split("\n") : [message]
  process.stderr.write(`amc: ${code}: ${lines.map(printable).join("\n")}\n`)
  if (next !== null) process.stderr.write(`  next: ${printable(next)}\n`)
  return exit
}

function print(stream: NodeJS.WriteStream, lines: readonly string[], exit: number): number {
  if (lines.length > 0) stream.write(`${lines.join("\n")}\n`)
  return exit
}

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  // Whoever reads us may stop reading ('amc … | head'); that is no fault of ours.
  if (error.code !== "EPIPE") throw error
})
process.exitCode = await main(process.argv.slice(2))
