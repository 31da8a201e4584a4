import { existsSync, mkdirSync } from "node:fs"
import {
  AmcError,
  isFault,
  issueKeyCertificate,
  issueRevocationList,
  issueRoot,
  type KeyRole,
  parseRoot,
  type PublicKey,
  rootFingerprint,
  type Signer,
} from "@amc/core"
import { createFile, syncFolder } from "./durable-file.ts"
import type { KdfCost } from "./kdf.ts"
import { keyNames, signerOf } from "./lane-signer.ts"
import { generatePrivateKey } from "./private-key.ts"
import { createRootKeyFile } from "./root-key-file.ts"
import { type Secrets, wipeSecrets } from "./secrets.ts"
import type { VaultState } from "./stored-vault.ts"
import { certificatePath, rootPath, trustPaths, vaultPathOf } from "./trust-paths.ts"
import { createVault } from "./vault.ts"
import type { WorkspaceSlot } from "./vault-header.ts"

const dayMs = 86_400_000
/** How long a version of the root counts. */
export const rootLifetimeMs: number = 730 * dayMs
/** How long a revocation list counts as current. */
export const revocationListLifetimeMs: number = 365 * dayMs

/** Where an owner's key is to be kept, away from the workspace. The caller wipes the passphrase. */
export interface RootKeyFile {
  readonly path: string
  readonly passphrase: Uint8Array
}

export interface TrustTerms {
  /** The workspace folder, `.amc`. */
  readonly dir: string
  readonly workspace: string
  /** The lane that the monitor key may write. */
  readonly lane: string
  readonly clock: () => number
  /** What opens each slot afterwards; the root's is not used with root key files. The caller wipes them. */
  readonly passphrases: Readonly<Record<WorkspaceSlot, Uint8Array>>
  readonly cost?: KdfCost
  /** The owners' keys in files of their own; without any, one key in the vault's root slot. */
  readonly rootKeyFiles?: readonly RootKeyFile[]
  /** How many owners have to sign; 1 if left out. */
  readonly threshold?: number
}

/** A new trust root: what to pin, and the vault's first state for the ledger to record. */
export interface Trust {
  /** `sha256:<hex>` of root version 1. Print it; verifiers compare with it. */
  readonly root: string
  readonly vault: VaultState
}

/** Which slot holds the key of each role. */
export const slotOfRole: Readonly<Record<KeyRole, "monitor" | "auditor">> = {
  monitor: "monitor",
  ledger: "monitor",
  auditor: "auditor",
  release: "auditor",
}

type NewSecrets = Readonly<Partial<Record<WorkspaceSlot, Secrets>>>

/**
 * Makes the keys of a workspace: a vault with a slot per duty, version 1 of the root and of the revocation
 * list, and a certificate for the key of each role (spec/root.md).
 *
 * @throws {@link AmcError} `workspace/exists` if there is a root already, `vault/exists`,
 * `workspace/unwritable`, `usage/invalid`
 */
export async function createTrust(terms: TrustTerms): Promise<Trust> {
  const { dir, rootKeyFiles = [], threshold = 1 } = terms
  if (existsSync(rootPath(dir, 1)))
    throw new AmcError("workspace/exists", `${rootPath(dir, 1)} exists already`)
  if (threshold > Math.max(1, rootKeyFiles.length))
    throw new AmcError("usage/invalid", "the threshold is higher than the number of root keys")
  const paths = trustPaths(dir)
  for (const folder of [paths.keys, paths.roots])
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  const secrets = generateSecrets(rootKeyFiles.length === 0)
  try {
    const vault = await createTrustVault(secrets, terms)
    const owners = await ownersOf(secrets, terms)
    return { root: publish(keysOf(secrets), owners, terms), vault }
  } finally {
    for (const slot of Object.values(secrets)) wipeSecrets(slot)
  }
}

function generateSecrets(withRoot: boolean): NewSecrets {
  const fresh = (...names: string[]): Secrets =>
    new Map(names.map((name) => [name, generatePrivateKey()]))
  return {
    ...(withRoot ? { root: fresh(keyNames.root) } : {}),
    auditor: fresh(keyNames.auditor, keyNames.release),
    monitor: fresh(keyNames.monitor, keyNames.ledger),
  }
}

function keysOf(secrets: NewSecrets): readonly { role: KeyRole; key: PublicKey }[] {
  return (["monitor", "ledger", "auditor", "release"] as const).map((role) => ({
    role,
    key: signerOf(secrets[slotOfRole[role]] ?? new Map(), keyNames[role]).key,
  }))
}

async function ownersOf(
  { root }: NewSecrets,
  { rootKeyFiles = [], cost }: TrustTerms,
): Promise<readonly Signer[]> {
  if (root !== undefined) return [signerOf(root, keyNames.root)]
  const owners: Signer[] = []
  for (const { path, passphrase } of rootKeyFiles)
    owners.push(await createRootKeyFile(path, passphrase, cost))
  return owners
}

async function createTrustVault(
  secrets: NewSecrets,
  { dir, passphrases, cost }: TrustTerms,
): Promise<VaultState> {
  const path = vaultPathOf(dir)
  const slots = Object.entries(secrets).map(([name, held]) => {
    const slot = name as WorkspaceSlot
    return [slot, { passphrase: passphrases[slot], secrets: held }] as const
  })
  try {
    return await createVault(path, Object.fromEntries(slots), cost)
  } catch (cause) {
    if (!isFault(cause, "vault/exists")) throw cause
    const hint = `it has no root, so nothing was signed with it: remove ${path} and try again`
    throw new AmcError("vault/exists", "a vault without a root is here already", { cause, hint })
  }
}

/** Writes the public half, root last: with version 1 in place the workspace's trust is complete. */
function publish(
  keys: readonly { role: KeyRole; key: PublicKey }[],
  owners: readonly Signer[],
  { dir, workspace, lane, clock, threshold = 1 }: TrustTerms,
): string {
  const now = clock()
  for (const { role, key } of keys) {
    const lanes = role === "monitor" ? [lane] : []
    const window = { valid_from_index: 0, valid_to_index: null }
    const times = { valid_from_ms: now, valid_to_ms: null }
    const certificate = issueKeyCertificate(
      key,
      { workspace, role, lanes, ...window, ...times },
      owners,
    )
    writePublic(certificatePath(dir, key.kid), certificate)
  }
  const first = { workspace, version: 1, createdMs: now }
  const expiresMs = now + revocationListLifetimeMs
  writePublic(
    trustPaths(dir).revocations,
    issueRevocationList({ ...first, expiresMs, revoked: [] }, owners),
  )
  const root = issueRoot({ ...first, threshold, expiresMs: now + rootLifetimeMs }, owners)
  writePublic(rootPath(dir, 1), root)
  syncFolder(dir)
  return rootFingerprint(parseRoot(root))
}

/** Writes a new file of the public half. @throws {@link AmcError} `workspace/exists`, `workspace/unwritable` */
export function writePublic(path: string, bytes: Uint8Array): void {
  createFile(path, bytes, { mode: 0o644, exists: "workspace/exists" })
}
