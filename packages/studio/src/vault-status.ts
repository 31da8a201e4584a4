import { existsSync } from "node:fs"
import {
  failureState,
  findUnlocked,
  type SlotName,
  slotStates,
  vaultPathOf,
  vaultState,
} from "@amc/vault"
import type { Workspace } from "./workspace.ts"

/** A slot of the vault, as far as it can be told without a passphrase. */
export interface SlotStatus {
  readonly slot: SlotName
  readonly generation: number
  /** Whether an unlocked notary has it open. */
  readonly unlocked: boolean
  /** Whether the passphrase that `amc init` wrote still lies in the state folder. */
  readonly passphrase_file: boolean
  /** Wrong passphrases since the last right one. */
  readonly failed_attempts: number
  readonly backing_off_ms: number
}

export interface VaultStatus {
  readonly generation: number
  readonly sha256: string
  readonly unlocked_until_ms: number | null
  readonly slots: readonly SlotStatus[]
}

/**
 * How a workspace's vault stands; no secrets.
 *
 * @throws {@link AmcError} `vault/missing`, `vault/unsafe-file`, `vault/damaged`, `input/malformed`
 */
export async function vaultStatus({ dir, workspace, state }: Workspace): Promise<VaultStatus> {
  const path = vaultPathOf(dir)
  const { generation, sha256 } = vaultState(path)
  const unlocked = await findUnlocked(state.unlockedPath(workspace))
  const open: readonly SlotName[] = unlocked?.slots ?? []
  const slots = slotStates(path).map(({ slot, generation: written }) => {
    const { count, waitMs } = failureState(
      state.failuresPath(workspace),
      slot,
      state.passphrases.clock(),
    )
    return {
      slot,
      generation: written,
      unlocked: open.includes(slot),
      passphrase_file: existsSync(state.passphrasePath(workspace, slot)),
      failed_attempts: count,
      backing_off_ms: waitMs,
    }
  })
  return { generation, sha256, unlocked_until_ms: unlocked?.untilMs ?? null, slots }
}
