import { mkdirSync } from "node:fs"
import { join, resolve } from "node:path"
import { AmcError, rootKeysMax, type Signer } from "@amc/core"
import { rootSigners, type Workspace } from "@amc/studio"
import type { Command as Parser } from "commander"
import { wholeNumber } from "./agent-options.ts"
import { type Context, type Options, textOption } from "./command.ts"
import { collected } from "./passphrase-options.ts"

/** Adds what every command takes that the root's owners must sign. */
export function addOwnerOptions(parser: Parser): Parser {
  return parser.option(
    "--root-key <file>",
    "an owner's key file; once for each owner (its passphrase: <file>.passphrase, or asked for)",
    collected,
    [],
  )
}

/** Adds how new owners' keys are made. */
export function addNewOwnerOptions(parser: Parser): Parser {
  return parser
    .option("--root-keys <n>", "make this many owners' keys, each in a file of its own")
    .option("--root-key-dir <folder>", "where to put those files; keep them offline afterwards")
    .option("--threshold <m>", "how many of the owners have to sign a change (as before, or 1)")
}

/** The owners who can sign here. @throws {@link AmcError} as {@link rootSigners} */
export function ownersOf(
  context: Context,
  workspace: Workspace,
  options: Options,
  name = "rootKey",
): Promise<readonly Signer[]> {
  const files = filesOf(context, options, name)
  return rootSigners(workspace, { files, ask: context.askHidden })
}

/** New owners' key files and the threshold. @throws {@link AmcError} `usage/invalid` */
export function newOwners(
  context: Context,
  options: Options,
  version: number,
  before = 1,
): { readonly files: readonly string[]; readonly threshold: number } {
  const given = textOption(options, "threshold") ?? String(before)
  const threshold = wholeNumber(given, "threshold", rootKeysMax)
  const [keys, folder] = [textOption(options, "rootKeys"), textOption(options, "rootKeyDir")]
  if (keys === undefined && folder === undefined) return { files: [], threshold }
  if (keys === undefined || folder === undefined)
    throw new AmcError("usage/invalid", "--root-keys and --root-key-dir belong together")
  const count = wholeNumber(keys, "root-keys", rootKeysMax)
  const dir = resolve(context.cwd, folder)
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const files = Array.from({ length: count }, (_, at) =>
    join(dir, `root-${version}-${at + 1}.amckey`),
  )
  return { files, threshold }
}

/** Paths of a repeated option, as they are meant from the current folder. */
export function filesOf({ cwd }: Context, options: Options, name: string): readonly string[] {
  const files = options[name]
  return Array.isArray(files) ? files.map((file) => resolve(cwd, String(file))) : []
}
