import type { AuditCode } from "@amc/core"
import { forgetRecorded, unrecordedFailures } from "@amc/vault"
import type { VaultPlace } from "./passphrase-source.ts"

/**
 * Tells the ledger of wrong passphrases that were tried since the last capture; what is told is forgotten
 * once it is durable. A crash in between tells it twice.
 *
 * @throws {@link AmcError} as the recorder; `input/malformed`, `store/conflict`
 */
export async function recordUnlockFailures(
  { workspace, state }: VaultPlace,
  audit: (code: AuditCode, subject: string, detail: string) => Promise<void>,
): Promise<void> {
  const path = state.failuresPath(workspace)
  const failures = unrecordedFailures(path)
  for (const { slot, at_ms, count } of failures) {
    const detail = `wrong passphrase at ${at_ms} ms since 1970, ${count} in a row; recorded late`
    await audit("VAULT_UNLOCK_FAILED", slot, detail)
  }
  await forgetRecorded(path, failures)
}
