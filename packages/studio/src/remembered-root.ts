import { AmcError } from "@amc/core"
import type { StateHome } from "./state-home.ts"
import { rememberedRootsOf } from "./verifier-memory.ts"

/**
 * Whose root is meant where none was given: the one under which something of this workspace was accepted before.
 *
 * @throws {@link AmcError} `usage/invalid` if there is none, or more than one
 */
export function rememberedRoot(workspace: string, state: StateHome): string {
  return onlyRoot(rememberedRootsOf(state, workspace))
}

/** The one of these roots. @throws {@link AmcError} `usage/invalid` if there is none, or more than one */
export function onlyRoot([root, ...others]: readonly string[], option = "root"): string {
  if (root !== undefined && others.length === 0) return root
  const message =
    root === undefined
      ? "no root is pinned, so nothing can be trusted"
      : "this machine remembers more than one root for this workspace"
  throw new AmcError("usage/invalid", message, {
    hint: `ask the owner for the root fingerprint ('amc init' printed it) by a way that you trust, and pass it as --${option} sha256:…`,
  })
}
