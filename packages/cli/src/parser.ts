import { AmcError } from "@amc/core"
import { Command as Parser, CommanderError } from "commander"
import type { Command } from "./command.ts"
import { commandGroups } from "./command-groups.ts"
import { commandTable, type CommandEntry } from "./command-table.ts"
import { addPassphraseOptions } from "./passphrase-options.ts"

/** What was typed: a command that is loaded, with its arguments, or text to print. */
export type Parsed =
  | {
      readonly kind: "command"
      readonly name: string
      readonly command: Command
      readonly args: readonly string[]
      readonly options: Record<string, unknown>
    }
  | { readonly kind: "text"; readonly text: string }

/**
 * Parses the command line. Only the module of the command that was typed is loaded, so that each
 * command pays for itself alone.
 *
 * @throws {@link AmcError} `usage/invalid`
 */
export async function parseCommandLine(typed: readonly string[], version: string): Promise<Parsed> {
  const argv = withoutHelpOnNothing(withHelp(typed))
  const entry = findEntry(argv)
  const command = entry === undefined ? undefined : await entry.load()
  const found: { args: readonly string[]; options: Record<string, unknown> }[] = []
  const output: string[] = []
  const program = buildProgram(version, (text) => output.push(text))
  for (const each of commandTable) {
    const leaf = addLeaf(program, each)
    if (each !== entry || command === undefined) continue
    command.configure(leaf).option("--json", "print one JSON object for machines")
    if (each.opensVault === true) addPassphraseOptions(leaf)
    leaf.action(
      () =>
        void found.push({ args: leaf.processedArgs.flat().filter(isText), options: leaf.opts() }),
    )
  }
  try {
    program.parse(argv, { from: "user" })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return { kind: "text", text: output.join("").trimEnd() }
    throw usageFault(error, entry, argv)
  }
  const [first] = found
  if (first !== undefined) requireSeparated(argv, first, program, entry)
  if (entry === undefined || command === undefined || first === undefined)
    return { kind: "text", text: output.join("").trimEnd() }
  return { kind: "command", name: entry.path.join(" "), command, ...first }
}

/** Nothing at all, and `help …`, are other spellings of `--help`. */
function withHelp(typed: readonly string[]): readonly string[] {
  const [first, ...rest] = typed
  return first === undefined || first === "help" ? [...rest, "--help"] : typed
}

/** Help on a command that does not exist would hide the mistake: then the words alone are parsed. */
function withoutHelpOnNothing(argv: readonly string[]): readonly string[] {
  const end = argv.findIndex((word) => word.startsWith("-"))
  const words = end < 0 ? argv : argv.slice(0, end)
  const isGroup = commandTable.some(({ path }) => words.every((word, i) => path[i] === word))
  if (isGroup || findEntry(argv) !== undefined) return argv
  return words
}

/**
 * Without a `--` before it, an agent's command takes every word to its end. An option of amc's own among
 * them is more likely meant for amc than for the agent.
 *
 * @throws {@link AmcError} `usage/invalid`
 */
function requireSeparated(
  argv: readonly string[],
  { args }: { readonly args: readonly string[] },
  program: Parser,
  entry: CommandEntry | undefined,
): void {
  if (args.length === 0 || argv.at(-args.length - 1) === "--") return
  const leaf = (entry?.path ?? []).reduce(
    (parser, word) => parser.commands.find((each) => each.name() === word) ?? parser,
    program,
  )
  const own = leaf.options.flatMap(({ long }) => long ?? [])
  const [mixed] = args.filter((word) => own.includes(word.split("=", 1)[0] ?? ""))
  if (mixed === undefined) return
  throw new AmcError("usage/invalid", `${mixed} stands behind the agent's command`, {
    hint: "put amc's own options first, then --, then the agent's command",
  })
}

function buildProgram(version: string, write: (text: string) => void): Parser {
  return new Parser("amc")
    .description("measures what an AI agent really did, and proves it")
    .version(version)
    .exitOverride()
    .enablePositionalOptions()
    .configureOutput({ writeOut: write, writeErr: () => undefined })
    .showSuggestionAfterError()
    .helpCommand(false)
    .addHelpText("after", "\nStart with 'amc score -- <your agent command>'.")
    .allowExcessArguments(false)
}

function addLeaf(program: Parser, { path, summary }: CommandEntry): Parser {
  let parser = program
  for (const word of path.slice(0, -1))
    parser = parser.commands.find((each) => each.name() === word) ?? addGroup(parser, word)
  const name = path.at(-1) ?? ""
  const existing = parser.commands.find((each) => each.name() === name)
  return (existing ?? parser.command(name)).description(summary).copyInheritedSettings(program)
}

function addGroup(parser: Parser, word: string): Parser {
  return parser
    .command(word)
    .description(commandGroups.get(word) ?? word)
    .copyInheritedSettings(parser)
}

/** The entry with the longest path that the words before any option begin with. */
function findEntry(argv: readonly string[]): CommandEntry | undefined {
  const matches = commandTable.filter(({ path }) => path.every((word, i) => argv[i] === word))
  const entry = matches.toSorted((a, b) => b.path.length - a.path.length)[0]
  return entry === undefined || isMistyped(entry, argv) ? undefined : entry
}

/** A word after a command that has commands of its own can only be one of them. */
function isMistyped({ path: own }: CommandEntry, argv: readonly string[]): boolean {
  const hasCommands = commandTable.some(
    ({ path }) => path.length > own.length && own.every((word, i) => path[i] === word),
  )
  return hasCommands && /^[^-]/.test(argv[own.length] ?? "")
}

function usageFault(
  error: CommanderError,
  entry: CommandEntry | undefined,
  argv: readonly string[],
): AmcError {
  if (error.code === "commander.help") return commandMissing(argv)
  const message = error.message.replace(/^error: /, "").split("\n")
  const hint = message[1]?.replaceAll(/[()]/g, "").toLowerCase()
  return new AmcError("usage/invalid", message[0] ?? "invalid usage", {
    cause: error,
    hint: hint ?? `see '${["amc", ...(entry?.path ?? [])].join(" ")} --help'`,
  })
}

function commandMissing([group]: readonly string[]): AmcError {
  return new AmcError("usage/invalid", `'amc ${group}' needs a command after it`, {
    hint: `see 'amc ${group} --help'`,
  })
}

function isText(value: unknown): value is string {
  return typeof value === "string"
}
