import { forgetRecorded, unrecordedFailures } from "@amc/vault"
import type { Capture } from "./capture.ts"

/**
 * Tells the ledger of wrong passphrases that were tried since the last capture; what is told is forgotten
 * once it is durable. A crash in between tells it twice.
 *
 * @throws {@link AmcError} as the recorder; `input/malformed`, `store/conflict`
 */
export async function recordUnlockFailures({ workspace, audit }: Capture): Promise<void> {
  const path = workspace.state.failuresPath(workspace.workspace)
  const failures = unrecordedFailures(path)
  for (const { slot, at_ms, count } of failures) {
    const detail = `wrong passphrase at ${at_ms} ms since 1970, ${count} in a row; recorded late`
    await audit("VAULT_UNLOCK_FAILED", slot, detail)
  }
  await forgetRecorded(path, failures)
}
