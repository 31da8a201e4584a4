import { resolve } from "node:path"
import { AmcError } from "@amc/core"
import { openWorkspace, type VerifyBundleTerms, type Workspace } from "@amc/studio"
import { type Context, type Options, textOption } from "./command.ts"
import { givenTrust } from "./root-option.ts"

/** For the commands that take a run's id or a bundle's file. */
export const bundleRootOption: [flags: string, text: string] = [
  "--root <fingerprint>",
  "for a bundle: the owner's root, sha256:… or a trust file",
]

/**
 * Whether an argument names a run of this workspace; anything else is a bundle's file.
 *
 * @throws {@link AmcError} `usage/invalid` for a run with what is only for bundles
 */
export function isRunId(name: string, options: Options): boolean {
  if (!/^run-[\w-]*$/u.test(name)) return false
  if (textOption(options, "root") === undefined) return true
  throw new AmcError("usage/invalid", "--root is for bundles")
}

export function ownWorkspace(context: Context): Workspace {
  return openWorkspace(context.cwd, context.state, context.clock())
}

export function readNamedFile(context: Context, name: string): Promise<Uint8Array> {
  return context.readFile(resolve(context.cwd, name))
}

/** How a bundle is verified here and now. */
export async function bundleTerms(context: Context, options: Options): Promise<VerifyBundleTerms> {
  const now = context.clock()
  return {
    state: context.state,
    trust: await givenTrust(context, textOption(options, "root")),
    nowMs: now,
    atMs: now,
    warn: (text) => context.err(`amc: warning: ${text}`),
  }
}
