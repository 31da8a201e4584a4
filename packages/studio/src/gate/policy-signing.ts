import { existsSync, readFileSync } from "node:fs"
import { basename } from "node:path"
import { AmcError, findConfigKind, parseGatePolicy, sha256Hex } from "@amc/core"
import { readTrustFiles } from "@amc/vault"
import { encodeTrustFile } from "@amc/verify"
import { signedIn } from "../config-signing.ts"
import { withNotary } from "../notary-session.ts"
import { replaceFile } from "../replaced-file.ts"
import type { Workspace } from "../workspace.ts"

export interface PolicySigningTerms {
  /** The policy's file, anywhere. */
  readonly path: string
  /** After so many days the signature counts no more; null for never. */
  readonly expiresDays: number | null
  readonly nowMs: number
}

/** A policy that was signed, with the files that are to be kept beside it. */
export interface SignedPolicy {
  readonly name: string
  readonly version: number
  readonly sha256: string
  readonly expiresMs: number | null
  readonly files: readonly string[]
}

const dayMs = 86_400_000

/**
 * Signs a policy as the auditor of one's own workspace, as the next version after the one that its signature
 * names, and writes `.sig` and `.trust.json` beside it. What can't be read as a policy is not signed.
 *
 * @throws {@link AmcError} `input/unreadable`, `input/malformed`, `usage/invalid` for another config's name,
 * `vault/locked`, `workspace/unwritable`
 */
export async function signPolicy(
  workspace: Workspace,
  { path, expiresDays, nowMs }: PolicySigningTerms,
): Promise<SignedPolicy> {
  const name = basename(path)
  requirePolicyName(name)
  const bytes = readPolicy(path)
  parseGatePolicy(bytes, name)
  const last = existsSync(`${path}.sig`)
    ? signedIn(workspace, name, readPolicy(`${path}.sig`))
    : null
  const version = (last?.version ?? 0) + 1
  const expiresMs = expiresDays === null ? null : nowMs + expiresDays * dayMs
  const signature = await withNotary(workspace, (notary) =>
    notary.signFile(bytes, {
      path: name,
      workspace: workspace.workspace,
      version,
      previous_sha256: last?.sha256 ?? null,
      expires_ms: expiresMs,
      role: "auditor",
    }),
  )
  const files = [`${path}.sig`, `${path}.trust.json`] as const
  replaceFile(files[1], trustOf(workspace), 0o644)
  replaceFile(files[0], signature, 0o644)
  return { name, version, sha256: sha256Hex(bytes), expiresMs, files }
}

/** So that no signature of another config file can stand for a policy, nor the other way round. */
function requirePolicyName(name: string): void {
  const kind = findConfigKind(name)
  const isOther = kind !== undefined && kind.name !== "gate-policy"
  if (!isOther && /^[A-Za-z0-9][\w.-]{0,63}\.(?:json|yaml|yml)$/u.test(name)) return
  throw new AmcError("usage/invalid", `'${name}' is no name for a policy`, {
    hint: "letters, digits, dots and dashes, ending in .yaml or .json, such as release.yaml",
  })
}

function trustOf({ workspace, dir, rootSha256 }: Workspace): string {
  const { roots, revocations, certificates: keys } = readTrustFiles(dir)
  return encodeTrustFile(workspace, { rootSha256, roots, revocations, keys })
}

function readPolicy(path: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(path))
  } catch (cause) {
    throw new AmcError("input/unreadable", `${path} can't be read`, { cause })
  }
}
