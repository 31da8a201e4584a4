import { AmcError } from "@amc/core"
import { FindingList, type KnownTrust, openCurrentTrust } from "@amc/verify"
import type { StateHome } from "./state-home.ts"
import type { TrustFile } from "./trust-file.ts"
import { rememberedRootsOf } from "./verifier-memory.ts"

/** A root that somebody was given by a way that they trust, or its digest alone. */
export type GivenTrust = TrustFile | { readonly rootSha256: string }

/** The newer of what was given now and what was seen before. @throws {@link AmcError} `input/malformed` */
export function mergedTrust(
  trust: GivenTrust,
  memory: KnownTrust | undefined,
): KnownTrust | undefined {
  if (!("roots" in trust)) return memory
  const findings = new FindingList()
  const current = openCurrentTrust(trust, { rootSha256: trust.rootSha256, known: memory }, findings)
  const [first] = findings.all()
  if (current === undefined)
    throw new AmcError("input/malformed", `the trust file does not hold: ${first?.detail}`)
  return { ...current.files, pins: memory?.pins ?? [] }
}

/**
 * Whose root is meant where none was given: the one under which something of this workspace was accepted before.
 *
 * @throws {@link AmcError} `usage/invalid` if there is none, or more than one
 */
export function rememberedRoot(workspace: string, state: StateHome): string {
  const [root, ...others] = rememberedRootsOf(state, workspace)
  if (root !== undefined && others.length === 0) return root
  const message =
    root === undefined
      ? "no root is pinned, so nothing can be trusted"
      : "this machine remembers more than one root for this workspace"
  throw new AmcError("usage/invalid", message, {
    hint: "ask the owner for the root fingerprint ('amc init' printed it) by a way that you trust, and pass it as --root sha256:…",
  })
}
