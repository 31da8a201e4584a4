import { existsSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import {
  AmcError,
  isFault,
  issueKeyCertificate,
  issueRoot,
  type KeyRole,
  parseRoot,
  rootFingerprint,
  type Signer,
} from "@amc/core"
import { createFile, syncFolder } from "./durable-file.ts"
import type { KdfCost } from "./kdf.ts"
import { keyNames, signerOf } from "./lane-signer.ts"
import { generatePrivateKey } from "./private-key.ts"
import { type Secrets, wipeSecrets } from "./secrets.ts"
import { trustPaths, vaultPathOf } from "./trust-paths.ts"
import type { VaultState } from "./stored-vault.ts"
import { createVault } from "./vault.ts"
import type { SlotName } from "./vault-header.ts"

export interface TrustTerms {
  /** The workspace folder, `.amc`. */
  readonly dir: string
  readonly workspace: string
  /** The lane that the monitor key may write. */
  readonly lane: string
  readonly clock: () => number
  /** What opens each slot afterwards. The caller wipes them. */
  readonly passphrases: Readonly<Record<SlotName, Uint8Array>>
  readonly cost?: KdfCost
}

/** A new trust root: what to pin, and the vault's first state for the ledger to record. */
export interface Trust {
  /** `sha256:<hex>` of root version 1. Print it; verifiers compare with it. */
  readonly root: string
  readonly vault: VaultState
}

type Roles = Readonly<Record<SlotName | KeyRole, Signer>>

/**
 * Makes the keys of a workspace: a vault with a slot per role, `trust/root.json` and a certificate for
 * each of monitor, ledger and auditor (spec/root.md).
 *
 * @throws {@link AmcError} `workspace/exists` if there is a root already, `vault/exists`,
 * `workspace/unwritable`, `usage/invalid`
 */
export async function createTrust(terms: TrustTerms): Promise<Trust> {
  const paths = trustPaths(terms.dir)
  if (existsSync(paths.root)) throw new AmcError("workspace/exists", `${paths.root} exists already`)
  const secrets = generateSecrets()
  try {
    const roles = signersOf(secrets)
    mkdirSync(paths.keys, { recursive: true, mode: 0o700 })
    const vault = await createTrustVault(secrets, terms)
    return { root: publish(roles, terms), vault }
  } finally {
    for (const slot of Object.values(secrets)) wipeSecrets(slot)
  }
}

function generateSecrets(): Record<SlotName, Secrets> {
  const fresh = (...names: string[]): Secrets =>
    new Map(names.map((name) => [name, generatePrivateKey()]))
  return {
    root: fresh(keyNames.root),
    auditor: fresh(keyNames.auditor),
    monitor: fresh(keyNames.monitor, keyNames.ledger),
  }
}

function signersOf({ root, auditor, monitor }: Record<SlotName, Secrets>): Roles {
  return {
    root: signerOf(root, keyNames.root),
    auditor: signerOf(auditor, keyNames.auditor),
    monitor: signerOf(monitor, keyNames.monitor),
    ledger: signerOf(monitor, keyNames.ledger),
  }
}

async function createTrustVault(
  secrets: Record<SlotName, Secrets>,
  terms: TrustTerms,
): Promise<VaultState> {
  const path = vaultPathOf(terms.dir)
  try {
    return await createVault(path, newSlots(secrets, terms), terms.cost)
  } catch (cause) {
    if (!isFault(cause, "vault/exists")) throw cause
    const hint = `it has no root.json, so nothing was signed with it: remove ${path} and try again`
    throw new AmcError("vault/exists", "a vault without a root is here already", { cause, hint })
  }
}

function newSlots(
  secrets: Record<SlotName, Secrets>,
  { passphrases }: TrustTerms,
): Parameters<typeof createVault>[1] {
  const slot = (name: SlotName): { passphrase: Uint8Array; secrets: Secrets } => ({
    passphrase: passphrases[name],
    secrets: secrets[name],
  })
  return { root: slot("root"), auditor: slot("auditor"), monitor: slot("monitor") }
}

/** Writes the public half, root last: with `root.json` in place the workspace's trust is complete. */
function publish(roles: Roles, { dir, workspace, lane, clock }: TrustTerms): string {
  const [paths, now] = [trustPaths(dir), clock()]
  const root = issueRoot({ workspace, version: 1, threshold: 1, createdMs: now }, [roles.root])
  for (const role of ["monitor", "ledger", "auditor"] as const) {
    const { key } = roles[role]
    const lanes = role === "monitor" ? [lane] : []
    const window = {
      valid_from_index: 0,
      valid_to_index: null,
      valid_from_ms: now,
      valid_to_ms: null,
    }
    const certificate = issueKeyCertificate(key, { workspace, role, lanes, ...window }, [
      roles.root,
    ])
    writePublic(join(paths.keys, `${key.kid}.json`), certificate)
  }
  writePublic(paths.root, root)
  syncFolder(dir)
  return rootFingerprint(parseRoot(root))
}

function writePublic(path: string, bytes: Uint8Array): void {
  createFile(path, bytes, { mode: 0o644, exists: "workspace/exists" })
}
