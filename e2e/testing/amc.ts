import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Place } from "./place.ts"

/** The clone that is tested. */
export const clone: string = fileURLToPath(new URL("../..", import.meta.url))
/** The built program. */
export const program: string = join(clone, "packages/cli/bin/amc.js")

/** What `--json` prints (DESIGN.md section 11). */
export interface Envelope {
  readonly schema: string
  readonly command: string
  readonly ok: boolean
  readonly exit: number
  // oxlint-disable-next-line typescript/no-explicit-any -- each command has its own
  readonly data: any
  readonly findings: readonly {
    readonly code: string
    readonly subject: string
    readonly detail: string
    readonly next?: string | null
  }[]
}

export interface Ended {
  readonly exit: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface AmcOptions {
  readonly input?: string
  /** Words put before `node amc.js`, such as those of a tool that takes the network away. */
  readonly through?: readonly string[]
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
}

/** Runs the built program in a place, as a person would. */
export function amc(
  place: Place,
  args: readonly string[],
  options: AmcOptions = {},
): Promise<Ended> {
  const { child, ended } = startAmc(place, args, options)
  child.stdin.end(options.input ?? "")
  return ended
}

/** Starts the program, for those who speak with it or kill it. */
export function startAmc(place: Place, args: readonly string[], options: AmcOptions = {}): Running {
  const { through = [], cwd = place.cwd, env = place.env } = options
  return start([...through, process.execPath, program, ...args], { cwd, env })
}

/** The same with `--json`: stdout must be exactly one JSON object, errors or not. */
export async function amcJson(
  place: Place,
  args: readonly string[],
  options: AmcOptions = {},
): Promise<Envelope & Ended> {
  const ended = await amc(place, withJson(args), options)
  if (!/^\{.*\}\n$/.test(ended.stdout))
    throw new Error(`not one line of JSON: ${ended.stdout}\n${ended.stderr}`)
  return { ...ended, ...(JSON.parse(ended.stdout) as Envelope) }
}

/** Before the agent's own command. */
function withJson(args: readonly string[]): string[] {
  const end = args.indexOf("--")
  return end < 0 ? [...args, "--json"] : [...args.slice(0, end), "--json", ...args.slice(end)]
}

/** Runs any command to its end. */
export function run(
  words: readonly string[],
  where: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): Promise<Ended> {
  const { child, ended } = start(words, where)
  child.stdin.end()
  return ended
}

export interface Running {
  readonly child: ChildProcessWithoutNullStreams
  readonly ended: Promise<Ended>
}

function start(
  [command = "", ...rest]: readonly string[],
  where: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): Running {
  const child = spawn(command, rest, { ...where, stdio: "pipe" })
  const text = { stdout: "", stderr: "" }
  for (const name of ["stdout", "stderr"] as const)
    child[name].setEncoding("utf8").on("data", (piece: string) => (text[name] += piece))
  child.stdin.on("error", () => undefined)
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once("error", reject)
    child.once("close", (exit) => resolve({ exit, ...text }))
  })
  return { child, ended }
}
