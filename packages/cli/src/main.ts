import { readFile } from "node:fs/promises"
import { AmcError, isFault } from "@amc/core"
import { StateHome } from "@amc/studio"
import pc from "picocolors"
import type { Context, Outcome } from "./command.ts"
import { describeFinding, Exit, exitOfError } from "./exit.ts"
import { parseCommandLine } from "./parser.ts"
import { printable } from "./printable.ts"
import { Progress } from "./progress.ts"

const version = "0.1.0"

async function main(argv: readonly string[]): Promise<number> {
  const progress = new Progress(process.stderr)
  const isJson = beforeCommand(argv).includes("--json")
  let name = "amc"
  try {
    const parsed = await parseCommandLine(argv, version)
    if (parsed.kind === "text") return print(process.stdout, [parsed.text], Exit.accepted)
    name = parsed.name
    const outcome = await parsed.command.run(createContext(progress), parsed.args, parsed.options)
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

function createContext(progress: Progress): Context {
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
    readFile: async (path) => readInput(path),
    signal: stop.signal,
  }
}

async function readInput(path: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await readFile(path))
  } catch (cause) {
    throw new AmcError("usage/invalid", `${printable(path)} can't be read`, { cause })
  }
}

function report(
  command: string,
  { exit, data, findings = [], lines }: Outcome,
  isJson: boolean,
): number {
  const ok = exit === Exit.accepted
  if (isJson)
    return print(
      process.stdout,
      [JSON.stringify({ schema: "amc.cli/v1", command, ok, exit, data, findings })],
      exit,
    )
  for (const finding of findings) process.stderr.write(`${printable(describeFinding(finding))}\n`)
  return print(process.stdout, lines, exit)
}

function reportError(command: string, error: unknown, isJson: boolean): number {
  const exit = exitOfError(error)
  const fault = isFault(error) ? error : undefined
  const code = fault?.code ?? "amc/bug"
  const message =
    fault?.message ?? (error instanceof Error ? (error.stack ?? error.message) : String(error))
  const next = fault?.hint ?? null
  if (isJson) {
    const findings = [{ code, subject: command, detail: message, next }]
    return print(
      process.stdout,
      [JSON.stringify({ schema: "amc.cli/v1", command, ok: false, exit, data: null, findings })],
      exit,
    )
  }
  process.stderr.write(`amc: ${code}: ${fault === undefined ? message : printable(message)}\n`)
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
