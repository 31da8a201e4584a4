import { existsSync, rmSync } from "node:fs"
import {
  changePassphrase,
  findUnlocked,
  type KdfCost,
  type SlotName,
  vaultPathOf,
  type VaultState,
  writePassphraseFile,
} from "@amc/vault"
import { requireNewest } from "./capture.ts"
import { withPassphrase } from "./passphrase-source.ts"
import { lockVault } from "./vault-unlock.ts"
import type { Workspace } from "./workspace.ts"

export interface PasswdTerms {
  readonly slot: SlotName
  /** The caller wipes it. */
  readonly next: Uint8Array
  /** Put the new passphrase in place of the generated one, if that lies in the state folder. */
  readonly keep: boolean
  readonly cost?: KdfCost
}

export interface NewPassphrase {
  readonly vault: VaultState
  /** What became of the generated passphrase. */
  readonly file: "none" | "replaced" | "removed"
  /** Whether an unlocked notary with this slot was ended. */
  readonly locked: boolean
}

/**
 * Puts a slot of the vault under another passphrase. The generated one is of no use afterwards. After a
 * crash on the way, the vault has the new passphrase and the state folder the old.
 *
 * @throws {@link AmcError} `vault/locked`, `vault/wrong-passphrase`, `vault/backing-off`, `vault/damaged`,
 * `store/conflict`, `store/damaged`
 */
export async function changeVaultPassphrase(
  workspace: Workspace,
  { slot, next, keep, cost }: PasswdTerms,
): Promise<NewPassphrase> {
  await requireNewest(workspace)
  const path = vaultPathOf(workspace.dir)
  const vault = await withPassphrase(workspace, slot, (current) =>
    changePassphrase(path, slot, { current, next }, cost),
  )
  const file = renewFile(workspace.state.passphrasePath(workspace.workspace, slot), next, keep)
  return { vault, file, locked: await lockSlot(workspace, slot) }
}

function renewFile(path: string, next: Uint8Array, keep: boolean): NewPassphrase["file"] {
  if (!existsSync(path)) return "none"
  rmSync(path)
  if (keep) writePassphraseFile(path, next)
  return keep ? "replaced" : "removed"
}

/** What it would lend is the old passphrase. */
async function lockSlot(workspace: Workspace, slot: SlotName): Promise<boolean> {
  const { state, workspace: id } = workspace
  const open: readonly SlotName[] = (await findUnlocked(state.unlockedPath(id)))?.slots ?? []
  if (!open.includes(slot)) return false
  await lockVault(workspace)
  return true
}
