import { closeSync, openSync, readFileSync, rmSync } from "node:fs"
import { text, utf8 } from "@amc/core"
import { openSlot, type SlotName, unrecordedFailures, vaultPathOf } from "@amc/vault"
import { beforeAll, expect, onTestFinished, test } from "vitest"
import { givenTo, realClock, spoil, takeAway } from "./passphrase-place.fixture.ts"
import { withPassphrase, withPassphrases } from "./passphrase-source.ts"
import { lockVault, unlockVault } from "./vault-unlock.ts"
import { copyOf, newPlace, now, type Place } from "./workspace.fixture.ts"
import type { Workspace } from "./workspace.ts"

let base: Place

beforeAll(async () => {
  base = await newPlace()
  return () => rmSync(base.top, { recursive: true })
})

/** What a slot is opened with. */
function found(workspace: Workspace, slot: SlotName): Promise<string> {
  return withPassphrase(workspace, slot, async (passphrase) => text(passphrase))
}

function open(workspace: Workspace, slot: SlotName = "monitor"): Promise<number> {
  const path = vaultPathOf(workspace.dir)
  return withPassphrase(workspace, slot, async (it) => (await openSlot(path, slot, it)).size)
}

const told = (passphrase: string) => async (): Promise<Uint8Array> => utf8(passphrase)

test("takes the generated passphrase where nothing else is given, and wipes it", async () => {
  const place = copyOf(base)
  const { state, workspace } = place.workspace
  let kept = new Uint8Array()
  await withPassphrase(givenTo(place), "root", async (passphrase) => {
    expect(text(passphrase)).toBe(readFileSync(state.passphrasePath(workspace, "root"), "utf8"))
    kept = passphrase as Uint8Array<ArrayBuffer>
  })
  expect(kept).toEqual(new Uint8Array(43))
})

test("a file that the command line names comes before the generated one", async () => {
  const place = copyOf(base)
  const pathOf = takeAway(place)
  const given = new Map([["monitor" as const, { file: pathOf("auditor") }]])
  expect(await found(givenTo(place, { given }), "monitor")).toBe(
    readFileSync(pathOf("auditor"), "utf8"),
  )
})

test("a descriptor is read once, and serves every use", async () => {
  const place = copyOf(base)
  const descriptor = openSync(takeAway(place)("monitor"), "r")
  onTestFinished(() => closeSync(descriptor))
  const workspace = givenTo(place, { given: new Map([["monitor", { descriptor }]]) })
  expect(await open(workspace)).toBeGreaterThan(0)
  expect(await open(workspace)).toBeGreaterThan(0)
  workspace.state.passphrases.wipe()
  await expect(open(workspace)).rejects.toMatchObject({ code: "usage/invalid" })
})

test("an unlocked notary lends the monitor's, and nobody else's", async () => {
  const place = copyOf(base)
  const workspace = givenTo(place, { clock: realClock })
  await unlockVault(workspace, { slots: ["auditor", "monitor"], forMs: 3_600_000 })
  onTestFinished(async () => void (await lockVault(workspace)))
  const pathOf = takeAway(place)
  expect(await found(workspace, "monitor")).toBe(readFileSync(pathOf("monitor"), "utf8"))
  for (const slot of ["auditor", "root"] as const)
    await expect(found(workspace, slot)).rejects.toMatchObject({ code: "vault/locked" })
})

test("the person is asked last, once for each slot, and nothing typed is nothing given", async () => {
  const place = copyOf(base)
  takeAway(place, ["auditor", "root"])
  const asked: string[] = []
  const ask = async (slot: SlotName): Promise<Uint8Array> => {
    asked.push(slot)
    return slot === "root" ? new Uint8Array() : utf8("typed")
  }
  const workspace = givenTo(place, { ask })
  await found(workspace, "monitor")
  expect(await found(workspace, "auditor")).toBe("typed")
  expect(await found(workspace, "auditor")).toBe("typed")
  await expect(found(workspace, "root")).rejects.toMatchObject({ code: "vault/locked" })
  expect(asked).toEqual(["auditor", "root"])
})

test("with nothing at hand the vault is locked, and the hint is to unlock it", async () => {
  const place = copyOf(base)
  takeAway(place)
  const locked = { code: "vault/locked", hint: "amc vault unlock" }
  await expect(found(givenTo(place), "auditor")).rejects.toMatchObject(locked)
  const environment = utf8("only for unlocking")
  await expect(found(givenTo(place, { environment }), "auditor")).rejects.toMatchObject(locked)
})

test("V07 three wrong ones make the next wait, whatever is given, and a right one forgives", async () => {
  const place = copyOf(base)
  const repair = spoil(place, "monitor")
  let time = now
  const workspace = givenTo(place, { clock: () => time })
  for (let tries = 0; tries < 3; tries++)
    await expect(open(workspace)).rejects.toMatchObject({ code: "vault/wrong-passphrase" })
  repair()
  const uses: string[] = []
  const using = withPassphrase(workspace, "monitor", async () => uses.push("derived"))
  await expect(using).rejects.toMatchObject({
    code: "vault/backing-off",
    hint: "wait 1 s, then try again",
  })
  expect(uses).toEqual([])
  expect(await open(workspace, "auditor")).toBeGreaterThan(0)
  time += 1000
  expect(await open(workspace)).toBeGreaterThan(0)
  const tries = unrecordedFailures(workspace.state.failuresPath(workspace.workspace))
  expect(tries.map(({ slot, count }) => [slot, count])).toEqual([
    ["monitor", 1],
    ["monitor", 2],
    ["monitor", 3],
  ])
})

test("of several slots the wrong one is counted, and what is no wrong passphrase is not", async () => {
  const place = copyOf(base)
  spoil(place, "auditor")
  const workspace = givenTo(place)
  const path = vaultPathOf(workspace.dir)
  const both = withPassphrases(workspace, ["auditor", "monitor"], async (given) => {
    await openSlot(path, "monitor", given.get("monitor")!)
    await openSlot(path, "auditor", given.get("auditor")!)
  })
  await expect(both).rejects.toMatchObject({ code: "vault/wrong-passphrase" })
  const failing = withPassphrase(workspace, "monitor", () => Promise.reject(new Error("other")))
  await expect(failing).rejects.toThrow("other")
  const failures = unrecordedFailures(workspace.state.failuresPath(workspace.workspace))
  expect(failures).toEqual([{ slot: "auditor", at_ms: now, count: 1 }])
})

test("to unlock, what is typed comes before what was generated, and the environment is last", async () => {
  const place = copyOf(base)
  const wrong = givenTo(place, { ask: told("mistyped") })
  const terms = { slots: ["monitor" as const], forMs: 3_600_000 }
  await expect(unlockVault(wrong, terms)).rejects.toMatchObject({ code: "vault/wrong-passphrase" })
  const empty = givenTo(place, { ask: told(""), clock: realClock })
  expect((await unlockVault(empty, terms)).slots).toEqual(["monitor"])
  expect((await lockVault(empty)).slots).toEqual(["monitor"])
  const environment = new Uint8Array(readFileSync(takeAway(place)("monitor")))
  const last = givenTo(place, { clock: realClock, environment })
  expect((await unlockVault(last, terms)).slots).toEqual(["monitor"])
  expect(last.state.passphrases.tookEnvironment).toBe(true)
  expect(empty.state.passphrases.tookEnvironment).toBe(false)
  expect((await lockVault(last)).slots).toEqual(["monitor"])
  expect((await lockVault(last)).slots).toEqual([])
})

test.each([
  { why: "no slot", slots: [], forMs: 10_000 },
  { why: "no time", slots: ["monitor" as const], forMs: 0 },
  { why: "too long a time", slots: ["monitor" as const], forMs: 604_800_001 },
])("does not unlock with $why", async (terms) => {
  await expect(unlockVault(givenTo(copyOf(base)), terms)).rejects.toMatchObject({
    code: "usage/invalid",
  })
})
