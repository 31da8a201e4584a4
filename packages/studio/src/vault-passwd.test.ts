import { existsSync, readFileSync, rmSync, statSync } from "node:fs"
import { utf8 } from "@amc/core"
import { findUnlocked, lowestKdfCost, openSlot, vaultPathOf } from "@amc/vault"
import { beforeAll, expect, onTestFinished, test } from "vitest"
import { openCapture } from "./capture.ts"
import { givenTo, realClock, takeAway } from "./passphrase-place.fixture.ts"
import { changeVaultPassphrase } from "./vault-passwd.ts"
import { lockVault, unlockVault } from "./vault-unlock.ts"
import { copyOf, newPlace, now, type Place } from "./workspace.fixture.ts"

const next = utf8("the next one")
const cost = lowestKdfCost
let base: Place

beforeAll(async () => {
  base = await newPlace()
  return () => rmSync(base.top, { recursive: true })
})

test.each([
  { keep: false, file: "removed" },
  { keep: true, file: "replaced" },
] as const)(
  "a new passphrase opens the slot, and the generated one is $file",
  async ({ keep, file }) => {
    const workspace = givenTo(copyOf(base))
    const path = workspace.state.passphrasePath(workspace.workspace, "monitor")
    const before = new Uint8Array(readFileSync(path))
    const changed = await changeVaultPassphrase(workspace, { slot: "monitor", next, keep, cost })
    expect(changed).toMatchObject({ file, locked: false, vault: { generation: 2 } })
    const vault = vaultPathOf(workspace.dir)
    expect((await openSlot(vault, "monitor", next)).size).toBeGreaterThan(0)
    await expect(openSlot(vault, "monitor", before)).rejects.toMatchObject({
      code: "vault/wrong-passphrase",
    })
    expect(existsSync(path)).toBe(keep)
    if (!keep) return
    expect(readFileSync(path, "utf8")).toBe("the next one")
    expect(statSync(path).mode & 0o777).toBe(0o600)
    await (await openCapture(workspace, { clock: () => now })).close()
  },
)

test("keeps no file where there was none, and locks a notary that would lend the old one", async () => {
  const place = copyOf(base)
  const workspace = givenTo(place, { clock: realClock })
  const unlock = (): Promise<unknown> =>
    unlockVault(workspace, { slots: ["monitor"], forMs: 3_600_000 })
  await unlock()
  onTestFinished(async () => void (await lockVault(workspace)))
  takeAway(place, ["monitor"])
  const keep = true
  const unlockedPath = workspace.state.unlockedPath(workspace.workspace)
  const other = await changeVaultPassphrase(workspace, { slot: "auditor", next, keep, cost })
  expect(other).toMatchObject({ file: "replaced", locked: false })
  expect(await findUnlocked(unlockedPath)).not.toBeNull()
  const changed = await changeVaultPassphrase(workspace, { slot: "monitor", next, keep, cost })
  expect(changed).toMatchObject({ file: "none", locked: true })
  expect(await findUnlocked(unlockedPath)).toBeNull()
  expect(existsSync(workspace.state.passphrasePath(workspace.workspace, "monitor"))).toBe(false)
})
