import { AmcError, isFault } from "@amc/core"
import {
  findUnlocked,
  forgetUnlocked,
  type NotaryTerms,
  type UnlockedNotary,
  unlockNotary,
  vaultPathOf,
} from "@amc/vault"
import { lockGateway } from "./gateway-client.ts"
import type { NotarySlot } from "./notary-session.ts"
import { withUnlockingPassphrases } from "./passphrase-source.ts"
import type { Workspace } from "./workspace.ts"

export interface UnlockVaultTerms {
  readonly slots: readonly NotarySlot[]
  readonly forMs: number
}

/** No longer than this is a vault left unlocked. */
const longestUnlockMs = 7 * 24 * 3_600_000

/**
 * Starts a notary that later commands use, until {@link lockVault} or the end of its time. It takes the place
 * of one that was unlocked before.
 *
 * @throws {@link AmcError} `usage/invalid`, `vault/locked`, `vault/wrong-passphrase`, `vault/backing-off`,
 * `notary/unavailable`
 */
export async function unlockVault(
  { dir, workspace, state }: Workspace,
  { slots, forMs }: UnlockVaultTerms,
): Promise<UnlockedNotary> {
  if (slots.length === 0 || forMs < 1000 || forMs > longestUnlockMs)
    throw new AmcError("usage/invalid", "a vault is unlocked for at least a second, at most 7 days")
  state.folderOf(workspace)
  return withUnlockingPassphrases({ workspace, state }, slots, (found) =>
    unlockNotary({
      vaultPath: vaultPathOf(dir),
      unlockPath: state.unlockedPath(workspace),
      untilMs: state.passphrases.clock() + forMs,
      slots: [...found].map(([slot, passphrase]) => ({ slot, passphrase })) as NotaryTerms["slots"],
    }),
  )
}

/** What a lock has ended. */
export interface LockedVault {
  /** What the unlocked notary had open; none if there was no such notary. */
  readonly slots: readonly NotarySlot[]
  /** Whether a gateway stood, and was locked. */
  readonly gateway: boolean
}

/** Ends the unlocked notary, and locks the gateway that stands. */
export async function lockVault(place: Workspace): Promise<LockedVault> {
  const gateway = await lockGateway(place)
  return { slots: await lockNotary(place), gateway }
}

async function lockNotary({ workspace, state }: Workspace): Promise<readonly NotarySlot[]> {
  const path = state.unlockedPath(workspace)
  try {
    const unlocked = await findUnlocked(path)
    await unlocked?.lock()
    return unlocked?.slots ?? []
  } catch (error) {
    if (!isFault(error, "notary/unavailable")) throw error
    // It answers nobody, and ends as soon as it looks for its file.
    forgetUnlocked(path)
    return []
  }
}
