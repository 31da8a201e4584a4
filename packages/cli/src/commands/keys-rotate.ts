import { AmcError, type KeyRole, keyRoles } from "@amc/core"
import { openWorkspace, rotateKeys, rotateRoot, type Workspace } from "@amc/studio"
import type { Command as Parser } from "commander"
import { type Command, type Context, type Options, type Outcome, textOption } from "../command.ts"
import { Exit } from "../exit.ts"
import {
  addNewOwnerOptions,
  addOwnerOptions,
  filesOf,
  newOwners,
  ownersOf,
} from "../owner-options.ts"
import { collected } from "../passphrase-options.ts"

export const keysRotate: Command = {
  configure: (parser) =>
    addNewOwnerOptions(
      addOwnerOptions(
        parser.requiredOption(
          "--role <role>",
          `whose key to replace: ${[...keyRoles, "root", "all"].join(", ")} (all of them but root)`,
        ),
      ),
    )
      .option(
        "--keep-root-key <file>",
        "with --role root: an owner who stays; once for each",
        collected,
        [],
      )
      .addHelpText(
        "after",
        `
Examples:
  amc keys rotate --role monitor
  amc keys rotate --role root --root-keys 3 --threshold 2 --root-key-dir /media/offline

What the old keys signed goes on counting; use 'amc keys revoke' for a key that was stolen.`,
      ),

  async run(context, _args, options) {
    const role = textOption(options, "role") ?? ""
    const workspace = openWorkspace(context.cwd, context.state, context.clock())
    if (role === "root") return changeRoot(context, workspace, options)
    return changeRoles(context, workspace, rolesOf(role), options)
  },
}

/** The seed's spelling of `keys rotate --role all`. */
export const vaultRotateKeys: Command = {
  configure: (parser: Parser) => addOwnerOptions(parser),

  async run(context, _args, options) {
    const workspace = openWorkspace(context.cwd, context.state, context.clock())
    return changeRoles(context, workspace, keyRoles, options)
  },
}

function rolesOf(role: string): readonly KeyRole[] {
  if (role === "all") return keyRoles
  const found = keyRoles.find((each) => each === role)
  if (found !== undefined) return [found]
  throw new AmcError("usage/invalid", `there is no role '${role}'`, {
    hint: `roles are ${[...keyRoles, "root", "all"].join(", ")}`,
  })
}

async function changeRoles(
  context: Context,
  workspace: Workspace,
  roles: readonly KeyRole[],
  options: Options,
): Promise<Outcome> {
  const owners = await ownersOf(context, workspace, options)
  const rotated = await rotateKeys(workspace, { roles, owners, clock: context.clock })
  return {
    exit: Exit.accepted,
    data: { rotated },
    lines: rotated.map(({ role, kid }) => `${role.padEnd(8)} ${kid} signs from now on`),
  }
}

async function changeRoot(
  context: Context,
  workspace: Workspace,
  options: Options,
): Promise<Outcome> {
  const owners = await ownersOf(context, workspace, options)
  const stays = filesOf(context, options, "keepRootKey")
  const kept = stays.length === 0 ? [] : await ownersOf(context, workspace, options, "keepRootKey")
  const { version, threshold: before } = workspace.keyring.roots.current
  const { files, threshold } = newOwners(context, options, version + 1, before)
  const all = [...owners, ...kept]
  const root = await rotateRoot(workspace, {
    owners: all,
    kept,
    newKeyFiles: files,
    threshold,
    clock: context.clock,
  })
  return {
    exit: Exit.accepted,
    data: { root, files },
    lines: [
      `version ${root.version} of the root: ${root.threshold} of ${root.kids.length} owners sign`,
      ...files.map(
        (file) => `new key     ${file} (its passphrase lies beside it: keep the two apart)`,
      ),
      "The fingerprint of version 1 stays what verifiers pin. Export bundles anew for those who know version",
      "1 alone, and hand out 'amc keys export --format trust'.",
    ],
  }
}
