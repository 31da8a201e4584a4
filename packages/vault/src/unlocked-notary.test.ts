import { execFile } from "node:child_process"
import {
  chmodSync,
  existsSync,
  lstatSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { text, utf8 } from "@amc/core"
import { expect, onTestFinished, test } from "vitest"
import { borrowMonitor } from "./loan.ts"
import { NotaryLine } from "./notary-client.ts"
import { startNotary } from "./notary.ts"
import {
  hence,
  newUnlockPlace,
  passphrases,
  unlockPlace,
  type UnlockPlace,
} from "./unlocked.fixture.ts"
import { findUnlocked, forgetUnlocked, type UnlockedNotary } from "./unlocked-notary.ts"
import { removeUnlockFile, writeUnlockFile } from "./unlock-file.ts"

const run = promisify(execFile)
const checkpoint = { origin: "acme/main", size: 7, root: new Uint8Array(32).fill(1) }
const fixtures = {
  child: fileURLToPath(new URL("unlocked-child.fixture.ts", import.meta.url)),
  memory: fileURLToPath(new URL("memory.fixture.ts", import.meta.url)),
  stranger: fileURLToPath(new URL("stranger.fixture.ts", import.meta.url)),
}

function isAlive(pid: number): boolean {
  const path = `/proc/${pid}/cmdline`
  return existsSync(path) && readFileSync(path, "utf8").includes("notary-main")
}

function untilGone(pid: number): Promise<void> {
  return expect.poll(() => isAlive(pid), { timeout: 30_000, interval: 50 }).toBe(false)
}

async function signs(unlocked: UnlockedNotary): Promise<string> {
  const notary = await unlocked.connect()
  const note = await notary.signCheckpoint(checkpoint)
  await notary.close()
  return note
}

test("outlives the process that unlocked, serves others, and ends when it is locked", async () => {
  const place = await newUnlockPlace()
  const words = [place.vaultPath, place.unlockPath, String(hence(3_600_000))]
  const { child } = fixtures
  const { stdout } = await run(process.execPath, [child, ...words, text(passphrases.monitor)])
  const unlocked = (await findUnlocked(place.unlockPath))!
  expect(unlocked).toMatchObject({ pid: Number(stdout), slots: ["monitor"] })
  expect(await signs(unlocked)).toContain("acme/main")
  expect(await signs(unlocked)).toContain("acme/main")
  const borrowed = await run(process.execPath, [child, "", place.unlockPath])
  expect(borrowed.stdout).toBe(text(passphrases.monitor))
  expect(statSync(place.unlockPath).mode & 0o777).toBe(0o600)
  expect(statSync(unlocked.socketPath).mode & 0o777).toBe(0o600)
  await unlocked.lock()
  await untilGone(unlocked.pid)
  expect(await findUnlocked(place.unlockPath)).toBeNull()
  for (const path of [place.unlockPath, dirname(unlocked.socketPath)])
    expect(existsSync(path)).toBe(false)
})

test("lies in a session of its own, and signals do not end it", async () => {
  const { pid, ...unlocked } = await unlockPlace(await newUnlockPlace())
  // pid (name) state parent group session
  const session = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ")[3]
  expect(session).toBe(String(pid))
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.kill(pid, signal)
  expect(await unlocked.lendMonitor()).toEqual(passphrases.monitor)
})

test("shows no passphrase in its command, its environment and its file", async () => {
  const place = await newUnlockPlace()
  const { pid } = await unlockPlace(place)
  const shown = [`/proc/${pid}/cmdline`, place.unlockPath].map((path) => readFileSync(path, "utf8"))
  for (const secret of Object.values(passphrases)) expect(shown.join()).not.toContain(text(secret))
  const environment = process.getuid?.() === 0 ? readFileSync(`/proc/${pid}/environ`, "utf8") : ""
  expect(environment).toBe("")
})

test.each<{ why: string; ending: (place: UnlockPlace, unlocked: UnlockedNotary) => void }>([
  { why: "its file is gone", ending: ({ unlockPath }) => rmSync(unlockPath) },
  { why: "it is forgotten", ending: ({ unlockPath }) => forgetUnlocked(unlockPath) },
  {
    why: "the folder of its file is gone",
    ending: ({ unlockPath }) => rmSync(dirname(unlockPath), { recursive: true }),
  },
  { why: "the vault is gone", ending: ({ vaultPath }) => rmSync(vaultPath) },
  {
    why: "its file became a link",
    ending: ({ unlockPath }) => {
      renameSync(unlockPath, `${unlockPath}.real`)
      symlinkSync(`${unlockPath}.real`, unlockPath)
    },
  },
  {
    why: "its file names another",
    ending: ({ unlockPath }, { pid }) =>
      writeUnlockFile(unlockPath, {
        schema: "amc.unlocked/v1",
        pid,
        slots: ["monitor"],
        socket: "/nowhere",
        until_ms: 1,
      }),
  },
])("ends when $why", async ({ ending }) => {
  const place = await newUnlockPlace()
  const unlocked = await unlockPlace(place)
  ending(place, unlocked)
  await untilGone(unlocked.pid)
  expect(existsSync(dirname(unlocked.socketPath))).toBe(false)
  rmSync(place.unlockPath, { force: true })
})

test("ends when its time is up, and takes its file along", async () => {
  const place = await newUnlockPlace()
  const { pid, untilMs } = await unlockPlace(place, ["monitor"], hence(1500))
  await untilGone(pid)
  expect(hence(0)).toBeGreaterThanOrEqual(untilMs)
  expect(existsSync(place.unlockPath)).toBe(false)
})

test("the file of one that was killed is swept away", async () => {
  const place = await newUnlockPlace()
  const { pid } = await unlockPlace(place)
  process.kill(pid, "SIGKILL")
  await untilGone(pid)
  expect(existsSync(place.unlockPath)).toBe(true)
  expect(await findUnlocked(place.unlockPath)).toBeNull()
  expect(existsSync(place.unlockPath)).toBe(false)
})

test("unlocking again takes the place of what was unlocked before", async () => {
  const place = await newUnlockPlace()
  const first = await unlockPlace(place)
  const second = await unlockPlace(place, ["auditor"])
  await untilGone(first.pid)
  const found = await findUnlocked(place.unlockPath)
  expect(found).toMatchObject({ pid: second.pid, slots: ["auditor"] })
  await expect(found?.lendMonitor()).rejects.toMatchObject({ code: "vault/locked" })
  await expect(signs(second)).rejects.toMatchObject({ code: "vault/locked" })
})

test("a wrong passphrase names its slot and leaves nothing unlocked", async () => {
  const place = await newUnlockPlace()
  const wrong = { ...passphrases, auditor: utf8("wrong") }
  const slots = (["auditor", "monitor"] as const).map((slot) => ({ slot, passphrase: wrong[slot] }))
  const { unlockNotary } = await import("./unlocked-notary.ts")
  await expect(unlockNotary({ ...place, untilMs: hence(60_000), slots })).rejects.toMatchObject({
    code: "vault/wrong-passphrase",
    slot: "auditor",
  })
  expect(existsSync(place.unlockPath)).toBe(false)
})

test("a notary that lives with a command lends nothing and is not locked by others", async () => {
  const { vaultPath, unlockPath } = await newUnlockPlace()
  const socketPath = join(dirname(unlockPath), "run", "socket")
  const slots = [{ slot: "monitor" as const, passphrase: passphrases.monitor }]
  const notary = await startNotary({ vaultPath, socketPath, slots })
  onTestFinished(() => notary.close())
  await expect(borrowMonitor(socketPath)).rejects.toMatchObject({ code: "notary/refused" })
  const line = await NotaryLine.connect(socketPath)
  await expect(line.ask("lock", new Uint8Array())).rejects.toMatchObject({ code: "notary/refused" })
  line.close()
  expect(await notary.signCheckpoint(checkpoint)).toContain("acme/main")
})

test.each<{ why: string; harm: (path: string) => void }>([
  { why: "open to others", harm: (path) => chmodSync(path, 0o644) },
  {
    why: "a symbolic link",
    harm: (path) => {
      renameSync(path, `${path}.real`)
      symlinkSync(`${path}.real`, path)
    },
  },
])("an unlock file that is $why is not believed", async ({ harm }) => {
  const { unlockPath } = await newUnlockPlace()
  const [pid, slots] = [1, ["monitor" as const]]
  const socket = "/nowhere"
  writeUnlockFile(unlockPath, { schema: "amc.unlocked/v1", pid, slots, socket, until_ms: 1 })
  harm(unlockPath)
  await expect(findUnlocked(unlockPath)).rejects.toMatchObject({ code: "vault/unsafe-file" })
})

test("an unlock file that says nothing is removed, and one that names another stays", async () => {
  const { unlockPath } = await newUnlockPlace()
  writeFileSync(unlockPath, "{}\n", { mode: 0o600 })
  expect(await findUnlocked(unlockPath)).toBeNull()
  expect(lstatSync(unlockPath, { throwIfNoEntry: false })).toBeUndefined()
  const [pid, slots] = [1, ["monitor" as const]]
  const socket = "/nowhere"
  writeUnlockFile(unlockPath, { schema: "amc.unlocked/v1", pid, slots, socket, until_ms: 1 })
  removeUnlockFile(unlockPath, "/elsewhere")
  expect(existsSync(unlockPath)).toBe(true)
})

test("another user is refused, though the socket is open to all", async ({ skip }) => {
  skip(process.getuid?.() !== 0, "only root can become another user")
  const { socketPath } = await unlockPlace(await newUnlockPlace())
  chmodSync(dirname(socketPath), 0o755)
  chmodSync(socketPath, 0o666)
  const ask = async (uid: string): Promise<string> =>
    (
      await run(process.execPath, [fixtures.stranger, socketPath, uid], { timeout: 5000 }).catch(
        (failure: { stdout: string }) => failure,
      )
    ).stdout
  expect(await ask("60800")).toBe(
    '{"code":"notary/refused","message":"a notary answers its own user only"}\n',
  )
  expect(await ask("0")).toContain('{"result":')
})

test("its memory is closed to other processes of its user, who can open that of a plain one", async () => {
  const { vaultPath, unlockPath } = await newUnlockPlace()
  const socketPath = join(dirname(unlockPath), "run", "socket")
  const words = [fixtures.memory, vaultPath, socketPath, text(passphrases.monitor)]
  // Without its capabilities root is a user like any other.
  const bare = ["--bounding-set=-all", "--inh-caps=-all", process.execPath]
  const { stdout } = await (process.getuid?.() === 0
    ? run("setpriv", [...bare, ...words])
    : run(process.execPath, words))
  expect(JSON.parse(stdout)).toEqual({ plain: "open", notary: "EACCES" })
})

test("has neither core dumps nor a debugger, and no more of that than it says", async () => {
  const { pid } = await unlockPlace(await newUnlockPlace())
  expect(readFileSync(`/proc/${pid}/limits`, "utf8")).toMatch(/^Max core file size +0 +0 /mu)
  expect(readFileSync(`/proc/${pid}/cmdline`, "utf8")).toContain("--disable-sigusr1")
})
