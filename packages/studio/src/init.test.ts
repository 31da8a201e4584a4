import { existsSync, mkdirSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { lowestKdfCost } from "@amc/vault"
import { expect, test } from "vitest"
import { initWorkspace } from "./init.ts"
import { StateHome } from "./state-home.ts"
import { now, temporaryFolder } from "./workspace.fixture.ts"

function place() {
  const top = temporaryFolder()
  const folder = join(top, "home")
  mkdirSync(folder)
  const state = new StateHome({ XDG_STATE_HOME: join(top, "state") })
  return { folder, state, clock: () => now, cost: lowestKdfCost }
}

test("of two inits at once one makes the workspace, and the other takes nothing away", async () => {
  const terms = place()
  const ends = await Promise.allSettled([initWorkspace(terms), initWorkspace(terms)])
  expect(ends.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"])
  expect(existsSync(join(terms.folder, ".amc", "vault.amcvault"))).toBe(true)
  expect(existsSync(join(terms.folder, ".amc.init"))).toBe(false)
})

test("what a killed init left is not in the way", async () => {
  const terms = place()
  const dir = join(terms.folder, ".amc")
  mkdirSync(join(dir, "trust"), { recursive: true })
  writeFileSync(join(dir, "vault.amcvault"), "half")
  symlinkSync("999999999", `${dir}.init`)
  const made = await initWorkspace(terms)
  expect(made.keyring.lanes()).toEqual(["main"])
})

test("a claim of a process that lives is not taken over", async () => {
  const terms = place()
  symlinkSync("1", join(terms.folder, ".amc.init"))
  await expect(initWorkspace(terms)).rejects.toMatchObject({ code: "workspace/exists" })
  expect(readlinkSync(join(terms.folder, ".amc.init"))).toBe("1")
})
