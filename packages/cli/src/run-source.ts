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

/** What a command makes of a run of this workspace, and of one that is in a bundle. */
export interface RunReaders<T> {
  run(workspace: Workspace, runId: string): Promise<T>
  bundle(bytes: Uint8Array, terms: VerifyBundleTerms): Promise<T>
}

/**
 * Reads the run that an argument names: by its id in this workspace, else in a bundle's file.
 *
 * @throws {@link AmcError} `usage/invalid` for a run with what is only for bundles
 */
export async function readNamedRun<T>(
  context: Context,
  [name, options]: readonly [name: string, options: Options],
  readers: RunReaders<T>,
): Promise<T> {
  if (isRunId(name, options))
    return readers.run(openWorkspace(context.cwd, context.state, context.clock()), name)
  const bytes = await context.readFile(resolve(context.cwd, name))
  return readers.bundle(bytes, await bundleTerms(context, options))
}

function isRunId(name: string, options: Options): boolean {
  if (!/^run-[\w-]*$/u.test(name)) return false
  if (textOption(options, "root") === undefined) return true
  throw new AmcError("usage/invalid", "--root is for bundles")
}

/** How a bundle is verified here and now. */
async function bundleTerms(context: Context, options: Options): Promise<VerifyBundleTerms> {
  const now = context.clock()
  return {
    state: context.state,
    trust: await givenTrust(context, textOption(options, "root")),
    nowMs: now,
    atMs: now,
    warn: (text) => context.err(`amc: warning: ${text}`),
  }
}
