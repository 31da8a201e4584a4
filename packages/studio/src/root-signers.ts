import { AmcError, type Root, type Signer } from "@amc/core"
import { hasRootSlot, openRootSigners, readPassphraseFile, vaultPathOf } from "@amc/vault"
import { withPassphrase } from "./passphrase-source.ts"
import type { Workspace } from "./workspace.ts"

/** A file that holds an owner's key; its passphrase lies in `<file>.passphrase` or is asked for. */
export interface RootKeySource {
  readonly files: readonly string[]
  /** Asks the person at the terminal; null where nobody is there. */
  readonly ask: ((question: string) => Promise<Uint8Array>) | null
}

/**
 * The owners' keys that can sign here and now: of the vault's root slot, if it has one, and of the files that
 * were named. Whether they are enough is for the change itself to ask.
 *
 * @throws {@link AmcError} `vault/locked`, `vault/wrong-passphrase`, `vault/missing`, `vault/unsafe-file`
 */
export async function rootSigners(
  workspace: Workspace,
  { files, ask }: RootKeySource,
): Promise<readonly Signer[]> {
  const own = vaultPathOf(workspace.dir)
  const inVault = hasRootSlot(own)
    ? await withPassphrase(workspace, "root", (passphrase) => openRootSigners(own, passphrase))
    : []
  const inFiles: Signer[] = []
  for (const file of files) inFiles.push(...(await signersIn(file, ask)))
  return currentOf([...inVault, ...inFiles], workspace.keyring.roots.current)
}

/** The passphrase file that goes with an owner's key file. */
export function passphraseFileOf(keyFile: string): string {
  return `${keyFile}.passphrase`
}

async function signersIn(file: string, ask: RootKeySource["ask"]): Promise<Signer[]> {
  const passphrase = await passphraseOf(file, ask)
  try {
    return await openRootSigners(file, passphrase)
  } finally {
    passphrase.fill(0)
  }
}

async function passphraseOf(file: string, ask: RootKeySource["ask"]): Promise<Uint8Array> {
  try {
    return readPassphraseFile(passphraseFileOf(file))
  } catch (error) {
    if (ask === null || !(error instanceof AmcError) || error.code !== "vault/locked") throw error
    return ask(`passphrase of ${file}: `)
  }
}

/** A key that is no longer the root's, or not yet, signs nothing. */
function currentOf(signers: readonly Signer[], root: Root): readonly Signer[] {
  const kids = new Set(root.keys.map(({ kid }) => kid))
  const current = signers.filter(({ key }) => kids.has(key.kid))
  return [...new Map(current.map((signer) => [signer.key.kid, signer])).values()]
}
