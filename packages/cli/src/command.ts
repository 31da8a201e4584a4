import type { Finding } from "@amc/core"
import type { StateHome } from "@amc/studio"
import type { Command as Parser } from "commander"

/** Everything a command may touch. Tests pass their own; nothing else reaches the process. */
export interface Context {
  readonly cwd: string
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly state: StateHome
  readonly clock: () => number
  /** Whether the person at the terminal reads what goes to stdout, in colour. */
  readonly isColoured: boolean
  /** Says how long work goes on; shown only where a person looks at stderr. */
  progress(text: string): void
  /** A line on stdout at once, for commands whose output is a stream. */
  out(line: string): void
  /** A line for people, on stderr. */
  err(line: string): void
  /** Asks the person at the terminal for something that is not shown; null where nobody is there. */
  readonly askHidden: ((question: string) => Promise<Uint8Array>) | null
  readFile(path: string): Promise<Uint8Array>
  /** Aborts when the person presses Ctrl-C or the process is told to end. */
  readonly signal: AbortSignal
}

/** What a command came to: data for machines, lines for people, and the exit code. */
export interface Outcome {
  readonly exit: number
  readonly data: unknown
  readonly findings?: readonly Finding[]
  /** Whether all of the output was a stream, one JSON object a line with `--json`, so that nothing is left to print. */
  readonly isStream?: true
  /** Lines for stdout where `--json` is not asked for. */
  readonly lines: readonly string[]
}

/** One command. `configure` declares arguments and options; `run` does the deed. */
export interface Command {
  readonly configure: (parser: Parser) => Parser
  readonly run: (context: Context, args: readonly string[], options: Options) => Promise<Outcome>
}

/** The values that the parser found, by long option name in camelCase. */
export type Options = Readonly<Record<string, unknown>>

export function textOption(options: Options, name: string): string | undefined {
  const value = options[name]
  return typeof value === "string" ? value : undefined
}

export function flagOption(options: Options, name: string): boolean {
  return options[name] === true
}
