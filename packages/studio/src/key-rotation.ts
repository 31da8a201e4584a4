import type { KeyRole, Signer } from "@amc/core"
import { lockLane } from "@amc/store-sqlite"
import { addRevocations, revokeKey, rotateRoleKey, slotOfRole } from "@amc/vault"
import { openCapture } from "./capture.ts"
import { resignConfigs } from "./resign-configs.ts"
import { hasLedger, withLedger } from "./ledger-reader.ts"
import { withPassphrase } from "./passphrase-source.ts"
import { ledgerDir } from "./recorder-thread.ts"
import { lockVault } from "./vault-unlock.ts"
import { reopenTrust, type Workspace } from "./workspace.ts"

export interface KeyRotationTerms {
  readonly roles: readonly KeyRole[]
  readonly owners: readonly Signer[]
  readonly clock: () => number
  /** Whether a new auditor signs what the old one had; true if left out. */
  readonly resigns?: boolean
}

/** A key that took the place of another. */
export interface RotatedKey {
  readonly role: KeyRole
  readonly kid: string
}

/**
 * Replaces the keys of these roles, signs with the new auditor's what the old one had signed of the config,
 * and records the change.
 *
 * @throws {@link AmcError} `root/threshold`, `ledger/lane-taken`, `vault/locked`, `vault/wrong-passphrase`
 */
export async function rotateKeys(
  workspace: Workspace,
  { roles, owners, clock, resigns = true }: KeyRotationTerms,
): Promise<readonly RotatedKey[]> {
  const rotated: RotatedKey[] = []
  // What the old auditor signed counts on where the ledger names it.
  if (roles.includes("auditor")) await recordChange(workspace, clock, false)
  await withIdleLane(workspace, async (place) => {
    const nowMs = clock()
    const fromMs = Math.max(nowMs, place.lastMs)
    for (const role of roles) {
      const { dir, keyring } = reopenTrust(workspace)
      const { kid } = await withPassphrase(workspace, slotOfRole[role], (passphrase) =>
        rotateRoleKey({
          dir,
          keyring,
          owners,
          nowMs,
          role,
          passphrase,
          fromIndex: place.nextIndex,
          fromMs,
        }),
      )
      rotated.push({ role, kid })
    }
    // An unlocked notary still has the old keys.
    if (roles.length > 0) await lockVault(workspace)
  })
  await recordChange(workspace, clock, resigns && roles.includes("auditor"))
  return rotated
}

/** A key that is to be revoked as stolen. */
export interface KeyRevocationTerms extends Omit<KeyRotationTerms, "roles" | "resigns"> {
  readonly kid: string
  /** The earliest time at which somebody else may have had the key. */
  readonly compromisedFromMs: number
}

/**
 * Revokes a key as stolen from a time on; one that is still in use is replaced first.
 *
 * @throws {@link AmcError} `key/unknown`; as {@link rotateKeys}
 */
export async function revokeKeyOf(
  workspace: Workspace,
  { kid, compromisedFromMs, owners, clock }: KeyRevocationTerms,
): Promise<readonly RotatedKey[]> {
  const role = workspace.keyring.certificates.get(kid)?.role
  const isEnded = workspace.keyring.revocations.revoked.has(kid)
  const roles = role === undefined || isEnded ? [] : [role]
  // What a thief may have signed is for its owner to look at.
  const rotated = await rotateKeys(workspace, { roles, owners, clock, resigns: false })
  await withIdleLane(workspace, async () => {
    const { dir, keyring } = reopenTrust(workspace)
    revokeKey({ dir, keyring, owners, nowMs: clock() }, kid, compromisedFromMs)
  })
  await recordChange(workspace, clock, false)
  return rotated
}

/** Issues the revocation list anew, before it expires. @throws {@link AmcError} `root/threshold` */
export async function renewRevocations(
  workspace: Workspace,
  { owners, clock }: Pick<KeyRotationTerms, "owners" | "clock">,
): Promise<void> {
  await withIdleLane(workspace, async () => {
    const { dir, keyring } = reopenTrust(workspace)
    addRevocations({ dir, keyring, owners, nowMs: clock() }, [])
    reopenTrust(workspace)
  })
}

interface LanePlace {
  /** The first index that is free. */
  readonly nextIndex: number
  /** The time of the last event. */
  readonly lastMs: number
}

/** Nobody writes between reading where the ledger ends and the change of its key, nor changes the trust meanwhile. */
export async function withIdleLane<T>(
  workspace: Workspace,
  change: (place: LanePlace) => Promise<T>,
): Promise<T> {
  const hadLedger = hasLedger(workspace)
  const lock = await lockLane(ledgerDir(workspace), workspace.lane)
  try {
    return await change(hadLedger ? await endOfLane(workspace) : { nextIndex: 0, lastMs: 0 })
  } finally {
    lock.release()
  }
}

async function endOfLane(workspace: Workspace): Promise<LanePlace> {
  return withLedger(workspace, async ({ events }) => {
    const head = await events.head(workspace.lane)
    return head === null
      ? { nextIndex: 0, lastMs: 0 }
      : { nextIndex: head.lseq + 1, lastMs: head.ts }
  })
}

/** Opening a capture records what changed in keys and vault. */
async function recordChange(
  workspace: Workspace,
  clock: () => number,
  hasNewAuditor: boolean,
): Promise<void> {
  const capture = await openCapture(reopenTrust(workspace), { clock })
  try {
    if (hasNewAuditor) await resignConfigs(capture)
  } finally {
    await capture.close()
  }
}
