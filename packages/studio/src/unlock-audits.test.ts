import { countFailure, unrecordedFailures } from "@amc/vault"
import { expect, test } from "vitest"
import { StateHome } from "./state-home.ts"
import { recordUnlockFailures } from "./unlock-audits.ts"
import { temporaryFolder } from "./workspace.fixture.ts"

test("a wrong passphrase is forgotten only once the ledger has it", async () => {
  const state = new StateHome({ XDG_STATE_HOME: temporaryFolder() })
  const place = { workspace: "ws-1", state }
  state.folderOf("ws-1")
  const path = state.failuresPath("ws-1")
  for (const at of [1, 2]) await countFailure(path, "auditor", at)
  const full = new Error("the disk is full")
  await expect(recordUnlockFailures(place, () => Promise.reject(full))).rejects.toBe(full)
  expect(unrecordedFailures(path)).toHaveLength(2)
  const told: string[] = []
  await recordUnlockFailures(place, async (...audit) => void told.push(audit.join(": ")))
  expect(told).toEqual([
    "VAULT_UNLOCK_FAILED: auditor: wrong passphrase at 1 ms since 1970, 1 in a row; recorded late",
    "VAULT_UNLOCK_FAILED: auditor: wrong passphrase at 2 ms since 1970, 2 in a row; recorded late",
  ])
  expect(unrecordedFailures(path)).toEqual([])
})
