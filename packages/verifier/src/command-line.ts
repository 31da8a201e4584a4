import { homedir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { AmcError, utcTime } from "@amc/core"

/** What was typed. */
export interface CommandLine {
  readonly file: string
  /** `sha256:…`, or a trust file. */
  readonly root: string
  readonly atMs: number | undefined
  readonly witnessPolicy: string | undefined
  /** A consistency proof to a tree that was seen. */
  readonly proof: string | undefined
  /** Where what was seen is kept; null to keep nothing. */
  readonly memory: string | null
  readonly isJson: boolean
}

export const help = `Usage: amc-verify <bundle> --root <sha256:… or trust file> [options]

Verifies a bundle of AMC evidence by its bytes and a root that you learnt by another way. It asks no network, runs
nothing of the bundle and unpacks nothing.

  --root <root>            the owner's root: the fingerprint, or the trust file that the owner gave you
  --at <time>              judge what expires at this time, such as 2026-11-23
  --witness-policy <file>  your own policy (C2SP tlog-policy): whose cosignatures count
  --proof <file>           what 'amc ledger prove --from … --to …' wrote, to a tree that was seen before
  --memory <folder>        where what was seen is kept; by default where amc keeps it
  --no-memory              look at nothing that was seen before, and remember nothing
  --json                   one JSON object

Example:
  amc-verify my-agent.amcbundle --root acme.trust.json

Exit codes: 0 genuine (whether it is good enough is another question), 1 not accepted, 2 usage, 3 could not look,
4 tampered with.
`

/**
 * Reads the words after the program's name; null if help was asked for.
 *
 * @throws {@link AmcError} `usage/invalid`
 */
export function readCommandLine(
  words: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): CommandLine | null {
  const { values, positionals } = parse(words)
  if (values.help === true) return null
  const [file, ...more] = positionals
  if (file === undefined || more.length > 0) throw usage("name one bundle")
  if (values.root === undefined)
    throw usage(
      "no root is given, so nothing can be trusted: ask the owner, by another way than the file came",
    )
  const atMs = values.at === undefined ? undefined : utcTime(values.at)
  if (atMs === null) throw usage("--at takes a day or a time with its zone")
  return {
    file,
    root: values.root,
    atMs,
    witnessPolicy: values["witness-policy"],
    proof: values.proof,
    memory: values["no-memory"] === true ? null : (values.memory ?? memoryFolder(environment)),
    isJson: values.json === true,
  }
}

function parse(words: readonly string[]): ReturnType<typeof parseWords> {
  try {
    return parseWords(words)
  } catch (cause) {
    throw new AmcError("usage/invalid", (cause as Error).message.toLowerCase(), { cause })
  }
}

// The library's own inference tells which options there are.
// oxlint-disable-next-line typescript/explicit-function-return-type
function parseWords(words: readonly string[]) {
  return parseArgs({ args: [...words], allowPositionals: true, options })
}

const options = {
  root: { type: "string" },
  at: { type: "string" },
  "witness-policy": { type: "string" },
  proof: { type: "string" },
  memory: { type: "string" },
  "no-memory": { type: "boolean" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const

/** As amc finds it (XDG base directory specification, state). */
function memoryFolder(environment: Readonly<Record<string, string | undefined>>): string {
  const xdg = environment["XDG_STATE_HOME"]
  const base = xdg?.startsWith("/")
    ? xdg
    : join(environment["HOME"] ?? homedir(), ".local", "state")
  return join(base, "amc", "trust")
}

function usage(message: string): AmcError {
  return new AmcError("usage/invalid", message, { hint: "see 'amc-verify --help'" })
}
