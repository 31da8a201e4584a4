import pc from "picocolors"
import { type Context, flagOption, type Options, type Outcome } from "./command.ts"
import { describeError, errorEnvelope, outcomeEnvelope } from "./envelope.ts"
import { describeFinding, Exit, exitOfError } from "./exit.ts"
import { askHidden } from "./hidden-prompt.ts"
import { readInput } from "./input-file.ts"
import { type Parsed, parseCommandLine } from "./parser.ts"
import { givenPassphrases } from "./passphrase-options.ts"
import { nextStepOfFinding } from "./next-step.ts"
import { printable } from "./printable.ts"
import { Progress } from "./progress.ts"

/** Runs the command that was typed and says what came of it; gives the exit code. */
export async function runProgram(argv: readonly string[], version: string): Promise<number> {
  const progress = new Progress(process.stderr)
  let isJson = beforeCommand(argv).includes("--json")
  let name = "amc"
  try {
    const parsed = await parseCommandLine(argv, version)
    if (parsed.kind === "text") return print(process.stdout, [parsed.text], Exit.accepted)
    name = parsed.name
    isJson = flagOption(parsed.options, "json")
    const context = await createContext(progress, parsed.options)
    const outcome = await runAndWipe(parsed, context)
    progress.end()
    return report(name, outcome, isJson)
  } catch (error) {
    progress.end()
    return reportError(name, error, isJson)
  }
}

/** Whatever the outcome, no passphrase stays in memory longer than the command. */
async function runAndWipe(
  { command, args, options }: Extract<Parsed, { kind: "command" }>,
  context: Context,
): Promise<Outcome> {
  try {
    return await command.run(context, args, options)
  } finally {
    context.state.passphrases.wipe()
  }
}

/** What follows `--` belongs to the agent's command, `--json` included. */
function beforeCommand(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf("--")
  return end < 0 ? argv : argv.slice(0, end)
}

async function createContext(progress: Progress, options: Options): Promise<Context> {
  // Loaded only here, so that help and version need not wait for the studio.
  const { Passphrases, StateHome } = await import("@amc/studio")
  // The composition root is where the world comes in: this is the one clock of the program.
  // oxlint-disable-next-line no-restricted-globals
  const clock = (): number => Date.now()
  const askHere = passphrasePrompt(progress)
  const stop = new AbortController()
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.once(signal, () => stop.abort(signal))
  return {
    cwd: process.cwd(),
    environment: process.env,
    state: new StateHome(
      process.env,
      new Passphrases({
        clock,
        given: givenPassphrases(options),
        ask: askHere === null ? null : (slot) => askHere(`passphrase of the slot ${slot}: `),
        environment: takeEnvironmentPassphrase(),
      }),
    ),
    clock,
    askHidden: askHere,
    isColoured: pc.isColorSupported && process.stdout.isTTY === true,
    progress: (text) => progress.show(text),
    out: (line) => {
      progress.end()
      process.stdout.write(`${line}\n`)
    },
    err: (line) => progress.line(line),
    readFile: (path) => readInput(path),
    signal: stop.signal,
  }
}

/** Asks at the terminal; null where nobody sits there. */
function passphrasePrompt(progress: Progress): Context["askHidden"] {
  if (!process.stdin.isTTY) return null
  return (question) => {
    progress.end()
    return askHidden({ input: process.stdin, output: process.stderr }, question)
  }
}

/** Taken out of the environment, so that no process that is started gets it. */
function takeEnvironmentPassphrase(): Uint8Array | null {
  const passphrase = process.env["AMC_VAULT_PASSPHRASE"]
  delete process.env["AMC_VAULT_PASSPHRASE"]
  return passphrase === undefined || passphrase === "" ? null : new TextEncoder().encode(passphrase)
}

function report(command: string, outcome: Outcome, isJson: boolean): number {
  const { exit, findings = [], lines, isStream } = outcome
  if (isStream === true) return exit
  if (isJson) return print(process.stdout, [outcomeEnvelope(command, outcome)], exit)
  for (const finding of findings) process.stderr.write(`${printable(describeFinding(finding))}\n`)
  for (const next of new Set(findings.map(nextStepOfFinding)))
    if (next !== null) process.stderr.write(`  next: ${printable(next)}\n`)
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
