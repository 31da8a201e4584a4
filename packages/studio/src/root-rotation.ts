import { existsSync, rmSync } from "node:fs"
import { AmcError, type Signer } from "@amc/core"
import {
  addRootKey,
  changeRoot,
  createRootKeyFile,
  dropOldRootKeys,
  generatePassphrase,
  hasRootSlot,
  requireThreshold,
  rootPath,
  vaultPathOf,
  writePassphraseFile,
} from "@amc/vault"
import { openCapture } from "./capture.ts"
import { withIdleLane } from "./key-rotation.ts"
import { withPassphrase } from "./passphrase-source.ts"
import { passphraseFileOf } from "./root-signers.ts"
import { reopenTrust, type Workspace } from "./workspace.ts"

export interface RootRotationTerms {
  /** Signers of the current root, as many as its threshold asks for. */
  readonly owners: readonly Signer[]
  /** Owners who stay. */
  readonly kept: readonly Signer[]
  /** Files to make new owners' keys in; without any, and without `kept`, the new key goes into the vault. */
  readonly newKeyFiles: readonly string[]
  readonly threshold: number
  readonly clock: () => number
}

/** The next version of the root, as it was made. */
export interface NewRoot {
  readonly version: number
  readonly threshold: number
  readonly kids: readonly string[]
}

/**
 * Replaces the owners' keys: the next version of the root, signed by the thresholds of both.
 *
 * @throws {@link AmcError} `root/threshold`, `usage/invalid`, `vault/exists`, `vault/locked`
 */
export async function rotateRoot(workspace: Workspace, terms: RootRotationTerms): Promise<NewRoot> {
  const { kept, newKeyFiles, threshold, clock } = terms
  const isInVault = newKeyFiles.length === 0 && kept.length === 0
  const count = isInVault ? 1 : newKeyFiles.length + kept.length
  if (threshold > count)
    throw new AmcError("usage/invalid", `a threshold of ${threshold} needs more than ${count} keys`)
  const changed = await withIdleLane(workspace, () => replaceRoot(workspace, terms, isInVault))
  await record(changed, clock)
  const { version } = changed.keyring.roots.current
  return { version, threshold, kids: [...kidsOf(changed)] }
}

async function replaceRoot(
  workspace: Workspace,
  { owners, kept, newKeyFiles, threshold, clock }: RootRotationTerms,
  isInVault: boolean,
): Promise<Workspace> {
  const { dir } = workspace
  const before = reopenTrust(workspace)
  requireThreshold(owners, before.keyring.roots.current)
  const addKey = (passphrase: Uint8Array): Promise<Signer> =>
    addRootKey(dir, passphrase, kidsOf(before))
  const fresh = isInVault
    ? [await withRootSlot(workspace, addKey)]
    : await createOwners(newKeyFiles)
  const newOwners = [...kept, ...fresh]
  const { keyring } = before
  try {
    changeRoot({ dir, keyring, owners, newOwners, threshold, nowMs: clock() })
  } catch (error) {
    // Once the root names them, nobody else has these keys.
    if (!existsSync(rootPath(dir, keyring.roots.current.version + 1)))
      newKeyFiles.forEach(removeOwner)
    throw error
  }
  const changed = reopenTrust(workspace)
  if (isInVault)
    await withRootSlot(changed, (passphrase) => dropOldRootKeys(dir, passphrase, kidsOf(changed)))
  return changed
}

/**
 * Makes owners' keys in files of their own, each with a generated passphrase beside it.
 *
 * @throws {@link AmcError} `vault/exists`, `workspace/exists`, `workspace/unwritable`
 */
async function createOwners(files: readonly string[]): Promise<readonly Signer[]> {
  const owners: Signer[] = []
  const made: string[] = []
  try {
    for (const file of files) {
      owners.push(await createOwner(file))
      made.push(file)
    }
    return owners
  } catch (error) {
    made.forEach(removeOwner)
    throw error
  }
}

async function createOwner(file: string): Promise<Signer> {
  const passphrase = generatePassphrase()
  try {
    writePassphraseFile(passphraseFileOf(file), passphrase)
    return await createRootKeyFile(file, passphrase)
  } finally {
    passphrase.fill(0)
  }
}

/** Of a key that never became an owner's. */
function removeOwner(file: string): void {
  rmSync(file, { force: true })
  rmSync(passphraseFileOf(file), { force: true })
}

async function withRootSlot<T>(
  workspace: Workspace,
  use: (passphrase: Uint8Array) => Promise<T>,
): Promise<T> {
  if (!hasRootSlot(vaultPathOf(workspace.dir)))
    throw new AmcError("usage/invalid", "this vault has no root slot to put a new key in", {
      hint: "make the new keys in files: --root-keys <n> --root-key-dir <folder>",
    })
  return withPassphrase(workspace, "root", use)
}

async function record(workspace: Workspace, clock: () => number): Promise<void> {
  const capture = await openCapture(workspace, { clock })
  await capture.close()
}

function kidsOf({ keyring }: Workspace): ReadonlySet<string> {
  return new Set(keyring.roots.current.keys.map(({ kid }) => kid))
}
