import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { keyRoles, type KeyRole, Keyring, signFile } from "@amc/core"
import {
  addRevocations,
  openSlot,
  privateKeySigner,
  readPassphraseFile,
  rotateRoleKey,
  trustPaths,
  vaultPathOf,
} from "@amc/vault"
import { afterEach, beforeEach, expect, test } from "vitest"
import { openCapture } from "./capture.ts"
import { planSigning, signConfigs } from "./config-signing.ts"
import { keysInUse, listKeys } from "./key-list.ts"
import { renewRevocations, revokeKeyOf, rotateKeys } from "./key-rotation.ts"
import { rootSigners } from "./root-signers.ts"
import { rotateRoot } from "./root-rotation.ts"
import { makeRun } from "./run.ts"
import { verifyWorkspace } from "./verify-workspace.ts"
import { newPlace, now, type Place } from "./workspace.fixture.ts"
import { openWorkspace, type Workspace } from "./workspace.ts"

const day = 86_400_000
/** The ledger's clock goes on while this test's stands. */
const later = 60_000
let place: Place
let time: number
const clock = (): number => time

beforeEach(async () => {
  time = now
  place = await newPlace(clock)
  await record()
})
afterEach(() => rmSync(place.top, { recursive: true, force: true }))

const reopened = (): Workspace => openWorkspace(place.folder, place.workspace.state, time)
const owners = (): ReturnType<typeof rootSigners> =>
  rootSigners(reopened(), { files: [], ask: null })
const kidOf = (role: KeyRole): string => keysInUse(reopened().keyring, role, time + later)[0]!.kid

/** Something that the monitor and the auditor sign. */
async function record(): Promise<void> {
  const capture = await openCapture(reopened(), { clock })
  await capture.close()
}

async function codes(): Promise<readonly string[]> {
  const terms = { clock, progress: () => undefined }
  const verdict = await verifyWorkspace(place.folder, place.workspace.state, terms)
  return verdict.accepted ? [] : [...new Set(verdict.findings.map(({ code }) => code))]
}

test.each(keyRoles)(
  "replaces the key of the role %s, and all that was signed before counts",
  async (role) => {
    const before = kidOf(role)
    time += day
    const [rotated] = await rotateKeys(reopened(), { roles: [role], owners: await owners(), clock })
    expect(rotated).toEqual({ role, kid: kidOf(role) })
    expect(kidOf(role)).not.toBe(before)
    expect(listKeys(reopened().keyring, time).find(({ kid }) => kid === before)?.state).toBe(
      "superseded",
    )
    await record()
    expect(await codes()).toEqual([])
  },
)

test("three rotations of everything leave one key of each role in use", async () => {
  for (let at = 0; at < 3; at++) {
    time += day
    await rotateKeys(reopened(), { roles: keyRoles, owners: await owners(), clock })
  }
  const { keyring } = reopened()
  expect(keyRoles.map((role) => keysInUse(keyring, role, time + later).length)).toEqual([
    1, 1, 1, 1,
  ])
  expect(keyRoles.map((role) => keyring.keys(role).size)).toEqual([4, 4, 4, 4])
  expect(await codes()).toEqual([])
})

test("what a stolen monitor key signed falls with the runs that rest on it, and not with later ones (S09)", async () => {
  const kid = kidOf("monitor")
  const before = await sealed()
  time += day
  const terms = { kid, compromisedFromMs: now, owners: await owners(), clock }
  const rotated = await revokeKeyOf(reopened(), terms)
  expect(rotated.map(({ role }) => role)).toEqual(["monitor"])
  expect(await codes()).toEqual(["trust/key-compromised"])
  rmSync(join(place.workspace.dir, "runs", before), { recursive: true })
  await sealed()
  expect(await codes()).toEqual(["run/missing"])
})

test("after a theft of the auditor's key configs wait for their owner, and then all is well", async () => {
  const kid = kidOf("auditor")
  time += day
  const terms = { kid, compromisedFromMs: now, owners: await owners(), clock }
  await revokeKeyOf(reopened(), terms)
  expect(await codes()).toEqual(["trust/key-compromised"])
  const capture = await openCapture(reopened(), { clock })
  expect(capture.gatewayConfig.flaw).toMatchObject({ code: "CONFIG_SIGNATURE_INVALID" })
  await capture.close()
  const plans = await planSigning(reopened(), { paths: [], expiresDays: null, clock })
  await signConfigs(reopened(), plans, clock)
  expect(await codes()).toEqual([])
})

/** Seals a run over what there is. Gives its id. */
async function sealed(): Promise<string> {
  const capture = await openCapture(reopened(), { clock })
  try {
    return (await makeRun(capture, { agent: "a1", windowDays: 14 })).stored.runId
  } finally {
    await capture.close()
  }
}

test("a key of the ledger that is not in use any more can still be revoked", async () => {
  const kid = kidOf("ledger")
  time += day
  await rotateKeys(reopened(), { roles: ["ledger"], owners: await owners(), clock })
  const next = kidOf("ledger")
  await revokeKeyOf(reopened(), { kid, compromisedFromMs: now, owners: await owners(), clock })
  expect(kidOf("ledger")).toBe(next)
  expect(listKeys(reopened().keyring, time).find((key) => key.kid === kid)?.state).toBe("revoked")
})

test("a key that the root never certified can't be revoked", async () => {
  const terms = { kid: "ab".repeat(32), compromisedFromMs: now, owners: await owners(), clock }
  await expect(revokeKeyOf(reopened(), terms)).rejects.toMatchObject({ code: "key/unknown" })
})

test("nothing changes without the owners", async () => {
  const before = readFileSync(trustPaths(place.workspace.dir).revocations)
  const nobody = { owners: [], clock }
  const refused = { code: "root/threshold" }
  await expect(rotateKeys(reopened(), { roles: ["monitor"], ...nobody })).rejects.toMatchObject(
    refused,
  )
  await expect(renewRevocations(reopened(), nobody)).rejects.toMatchObject(refused)
  const change = { kept: [], newKeyFiles: [join(place.top, "k")], threshold: 1 }
  await expect(rotateRoot(reopened(), { ...change, ...nobody })).rejects.toMatchObject(refused)
  expect(readFileSync(trustPaths(place.workspace.dir).revocations).equals(before)).toBe(true)
})

test("the list and the root expire, and are found expired (S06)", async () => {
  time = now + 366 * day
  expect(await codes()).toEqual(["trust/revocations-expired"])
  await renewRevocations(reopened(), { owners: await owners(), clock })
  expect(await codes()).toEqual([])
  time = now + 731 * day
  await renewRevocations(reopened(), { owners: await owners(), clock })
  expect(await codes()).toEqual(["trust/root-expired"])
})

test("a new root of two owners in files takes over, and the old key in the vault signs nothing more", async () => {
  time += day
  const files = ["a", "b"].map((name) => join(place.top, name))
  const terms = { kept: [], newKeyFiles: files, threshold: 2, clock }
  const root = await rotateRoot(reopened(), { ...terms, owners: await owners() })
  expect(root).toMatchObject({ version: 2, threshold: 2 })
  expect(await codes()).toEqual([])
  const refused = { code: "root/threshold" }
  const rotation = { roles: ["monitor"], clock } as const
  await expect(
    rotateKeys(reopened(), { ...rotation, owners: await owners() }),
  ).rejects.toMatchObject(refused)
  const one = await rootSigners(reopened(), { files: files.slice(1), ask: null })
  await expect(rotateKeys(reopened(), { ...rotation, owners: one })).rejects.toMatchObject(refused)
  const both = await rootSigners(reopened(), { files, ask: null })
  await rotateKeys(reopened(), { ...rotation, owners: both })
  expect(await codes()).toEqual([])
})

test("a new root key in the vault takes over from the old one", async () => {
  const [before] = await owners()
  for (const version of [2, 3]) {
    time += day
    const terms = { kept: [], newKeyFiles: [], threshold: 1, clock, owners: await owners() }
    expect(await rotateRoot(reopened(), terms)).toMatchObject({ version })
  }
  const [after] = await owners()
  expect(after?.key.kid).not.toBe(before?.key.kid)
  expect(await codes()).toEqual([])
})

test("a root or a list that was put back to an older version is found, and nothing is opened with it (S12)", async () => {
  const { dir } = place.workspace
  const { revocations, roots, keys } = trustPaths(dir)
  const old = readFileSync(revocations)
  const oldKeys = readdirSync(keys).map((name) => [name, readFileSync(join(keys, name))] as const)
  time += day
  await rotateRoot(reopened(), {
    kept: [],
    newKeyFiles: [],
    threshold: 1,
    clock,
    owners: await owners(),
  })
  const newer = readFileSync(revocations)
  writeFileSync(revocations, old)
  // The old owners alone signed it, and they are not the root's any more.
  expect(() => reopened()).toThrow()
  expect(await codes()).toContain("trust/revocations-invalid")
  rmSync(join(roots, "2.json"))
  for (const [name, bytes] of oldKeys) writeFileSync(join(keys, name), bytes)
  expect(() => reopened()).toThrow(expect.objectContaining({ code: "root/rolled-back" }))
  expect(await codes()).toContain("trust/rolled-back")
  writeFileSync(revocations, newer)
  expect(() => reopened()).toThrow(expect.objectContaining({ code: "root/rolled-back" }))
})

test("a config that a replaced auditor's key signs afterwards counts for nothing, and what it had signed does", async () => {
  const { dir } = place.workspace
  const file = join(dir, "gateway.yaml")
  const [bytes, signature] = [readFileSync(file), readFileSync(`${file}.sig`)]
  // Somebody has a copy of the vault's old slot, and signs with it what the ledger never saw.
  const thief = await newPlace(clock)
  rmSync(thief.workspace.dir, { recursive: true })
  cpSync(dir, thief.workspace.dir, { recursive: true })
  time += day
  await rotateKeys(reopened(), { roles: ["auditor"], owners: await owners(), clock })
  expect(readFileSync(`${file}.sig`).equals(signature)).toBe(false)
  expect(await codes()).toEqual([])
  writeFileSync(file, bytes)
  writeFileSync(`${file}.sig`, signature)
  expect(await codes()).toEqual(["config/superseded"])
  const late = await signedByOld(thief.workspace.dir, bytes)
  writeFileSync(`${file}.sig`, late)
  expect(await codes()).toEqual(["trust/key-superseded"])
  const capture = await openCapture(reopened(), { clock })
  expect(capture.gatewayConfig.flaw).toMatchObject({ code: "CONFIG_SIGNATURE_INVALID" })
  await capture.close()
  rmSync(thief.top, { recursive: true, force: true })
})

/** What the auditor's key of a copied vault says of a file, as a version that is still to come. */
async function signedByOld(dir: string, bytes: Uint8Array): Promise<Uint8Array> {
  const { workspace, state } = place.workspace
  const passphrase = readPassphraseFile(state.passphrasePath(workspace, "auditor"))
  const secrets = await openSlot(vaultPathOf(dir), "auditor", passphrase)
  const signer = privateKeySigner(secrets.get("key/auditor") as Uint8Array)
  const terms = { path: "gateway.yaml", workspace, version: 99, role: "auditor" } as const
  return signFile(bytes, { ...terms, previous_sha256: null, expires_ms: null }, signer)
}

test("a change of the root that too few owners sign makes no key", async () => {
  const folder = join(place.top, "owners")
  mkdirSync(folder)
  const asked = {
    owners: [],
    kept: [],
    newKeyFiles: [join(folder, "a"), join(folder, "b")],
    threshold: 2,
    clock,
  }
  await expect(rotateRoot(reopened(), asked)).rejects.toMatchObject({ code: "root/threshold" })
  expect(readdirSync(folder)).toEqual([])
})

test("new owners' keys are taken away again if the second can't be made", async () => {
  const folder = join(place.top, "owners")
  mkdirSync(folder)
  writeFileSync(join(folder, "b"), "in the way")
  const newKeyFiles = [join(folder, "a"), join(folder, "b")]
  const asked = { owners: await owners(), kept: [], newKeyFiles, threshold: 2, clock }
  await expect(rotateRoot(reopened(), asked)).rejects.toMatchObject({ code: "vault/exists" })
  expect(readFileSync(join(folder, "b"), "utf8")).toBe("in the way")
  expect(readdirSync(folder)).not.toContain("a")
  expect(reopened().keyring.roots.current.version).toBe(1)
})

test("a key that could not be listed any more is not replaced", async () => {
  const workspace = reopened()
  const { keyring, dir } = workspace
  const [one] = [...keyring.certificates.values()]
  const many = Array.from({ length: 1024 }, (_, at) => ({
    ...one!,
    key: { ...one!.key, kid: String(at) },
  }))
  const full = new Keyring(keyring.roots, keyring.revocations, many)
  const terms = { dir, keyring: full, owners: await owners(), nowMs: time }
  const vault = readFileSync(vaultPathOf(dir))
  const passphrase = new Uint8Array()
  const rotation = { ...terms, role: "ledger" as const, passphrase, fromIndex: 1, fromMs: time }
  await expect(rotateRoleKey(rotation)).rejects.toMatchObject({ code: "key/too-many" })
  const ended = many.map(({ key: { kid } }) => ({
    kid,
    reason: "superseded" as const,
    from_index: 1,
    from_ms: time,
  }))
  expect(() => addRevocations(terms, [...ended, { ...ended[0]!, kid: "more" }])).toThrow(
    "1024 keys at most",
  )
  expect(readFileSync(vaultPathOf(dir))).toEqual(vault)
  expect(await codes()).toEqual([])
})
