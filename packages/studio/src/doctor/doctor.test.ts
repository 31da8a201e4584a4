import { chmodSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { vaultPathOf } from "@amc/vault"
import { afterAll, beforeAll, expect, test } from "vitest"
import { openCapture } from "../capture.ts"
import { copyOf, newPlace, now, type Place, temporaryFolder } from "../workspace.fixture.ts"
import { StateHome } from "../state-home.ts"
import { diagnose } from "./doctor.ts"
import { runtime } from "./machine.ts"

const dayMs = 86_400_000
let base: Place
beforeAll(async () => {
  base = await newPlace()
  const capture = await openCapture(base.workspace, { clock: () => now })
  await capture.close()
}, 60_000)
afterAll(() => rmSync(base.top, { recursive: true, force: true }))

/** What is not ok, by its id. */
async function troubles(place: Place, nowMs = now + 1000): Promise<Record<string, string>> {
  const { folder, workspace } = place
  // A copy has the modes of whoever made it.
  chmodSync(workspace.dir, 0o700)
  const found = await diagnose({
    folder,
    state: workspace.state,
    nowMs,
    nodeVersion: "v24.1.0",
    environment: {},
  })
  expect(found.length).toBeGreaterThan(5)
  for (const { status, detail, next } of found)
    expect(status === "ok" ? next : detail.length > 0).not.toBe(false)
  // Another program may listen on the usual ports of the machine that runs this.
  const bad = found.filter(({ status, id }) => status !== "ok" && id !== "ports")
  return Object.fromEntries(bad.map(({ id, status, next }) => [id, `${status}: ${next}`]))
}

test("a workspace as it should be has nothing to mend", async () => {
  expect(await troubles(copyOf(base))).toEqual({})
})

test.each([
  {
    why: "a config was edited",
    spoil: ({ workspace: { dir } }: Place) => {
      const file = join(dir, "gateway.yaml")
      writeFileSync(file, `${readFileSync(file, "utf8")}\n`)
    },
    found: { "config gateway.yaml": "fail: amc config sign gateway.yaml" },
  },
  {
    why: "the vault can be read by others",
    spoil: ({ workspace: { dir } }: Place) => chmodSync(vaultPathOf(dir), 0o644),
    found: {
      permissions: expect.stringMatching(/^fail: chmod 600 .*vault\.amcvault$/),
      vault: expect.stringMatching(/^fail: /),
      ledger: expect.stringMatching(/^fail: /),
    },
  },
  {
    why: "the generated passphrases were taken away",
    spoil: ({ workspace: { workspace, state } }: Place) => {
      for (const slot of ["monitor", "auditor"]) rmSync(state.passphrasePath(workspace, slot))
    },
    found: { vault: "warn: amc vault unlock" },
  },
  {
    why: "the vault is damaged",
    spoil: ({ workspace: { dir } }: Place) => {
      const bytes = readFileSync(vaultPathOf(dir))
      bytes[100]! ^= 1
      writeFileSync(vaultPathOf(dir), bytes)
    },
    found: { vault: expect.stringMatching(/^fail: /), ledger: expect.stringMatching(/^fail: /) },
  },
  {
    why: "the root was changed",
    spoil: ({ workspace: { dir } }: Place) => writeFileSync(join(dir, "trust/roots/1.json"), "{}"),
    found: { workspace: expect.stringMatching(/^fail: /) },
  },
])("says what to do when $why", async ({ spoil, found }) => {
  const place = copyOf(base)
  spoil(place)
  expect(await troubles(place)).toEqual(found)
})

test.each([
  { why: "is about to expire", days: 340, found: { revocations: "warn: amc keys revoke --renew" } },
  { why: "has expired", days: 370, found: { revocations: "fail: amc keys revoke --renew" } },
  {
    why: "is about to expire, and so is the root",
    days: 700,
    found: {
      revocations: "fail: amc keys revoke --renew",
      root: "warn: amc keys rotate --role root",
    },
  },
])("says when the revocation list $why", async ({ days, found }) => {
  expect(await troubles(copyOf(base), now + days * dayMs)).toEqual(found)
})

test.each([
  { behind: 60_000, status: "warn" },
  { behind: 600_000, status: "fail" },
])("a clock that is $behind ms behind the ledger is a $status", async ({ behind, status }) => {
  const { clock } = await troubles(copyOf(base), now - behind)
  expect(clock).toMatch(new RegExp(`^${status}: timedatectl`))
})

test("without a workspace the machine is looked at all the same", async () => {
  const folder = temporaryFolder()
  const state = new StateHome({ XDG_STATE_HOME: join(folder, "state") })
  const found = await diagnose({
    folder,
    state,
    nowMs: now,
    nodeVersion: "v24.1.0",
    environment: {},
  })
  expect(found.at(-1)).toMatchObject({ id: "workspace", status: "warn", next: "amc init" })
})

test("an old Node and a taken port are told", async () => {
  expect(runtime("v20.19.0")).toMatchObject({ status: "fail" })
  const server = createServer()
  const isTaken = await new Promise<boolean>((resolve) => {
    server.once("error", () => resolve(true)).listen(3210, "127.0.0.1", () => resolve(true))
  })
  const state = new StateHome({ XDG_STATE_HOME: temporaryFolder() })
  const terms = { folder: "/", state, nowMs: now, nodeVersion: "v24.1.0", environment: {} }
  const ports = (await diagnose(terms)).find(({ id }) => id === "ports")
  server.close()
  expect(isTaken && ports).toMatchObject({
    status: "warn",
    detail: expect.stringContaining("3210"),
    next: "ss -ltnp 'sport = :3210'",
  })
})

test("a clock that stands before the keys' time is told as that", async () => {
  const found = await troubles(copyOf(base), now - 10 * dayMs)
  expect(found).toMatchObject({
    "key monitor": "fail: set the clock",
    "key auditor": "fail: set the clock",
  })
})
