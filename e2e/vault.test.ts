import { execFile, spawn } from "node:child_process"
import { once } from "node:events"
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test, vi } from "vitest"
import { amc, amcJson, program } from "./testing/amc.ts"
import { eventsOf, measuredOf } from "./testing/evidence.ts"
import { makeWorkspace, type TestWorkspace } from "./testing/workspace.ts"

// Each test starts the program several times, which takes long on a machine that is busy otherwise.
vi.setConfig({ testTimeout: 180_000 })

const slots = ["auditor", "monitor", "root"] as const
type Slot = (typeof slots)[number]

let own: TestWorkspace
/** The workspace's folder under the state folder. */
let state: string
/** Where the owner put the passphrases. */
let safe: string

beforeAll(async () => {
  own = await makeWorkspace()
  state = join(own.top, "state", "amc", "workspaces", own.workspace)
  safe = join(own.top, "safe")
  mkdirSync(safe, { mode: 0o700 })
  for (const slot of slots) cpSync(join(state, `passphrase.${slot}`), kept(slot))
})

afterAll(() => own?.close())

beforeEach(async () => {
  for (const slot of slots) putBack(slot)
  rmSync(join(state, "unlock-failures.json"), { force: true })
  return async () => void (await amc(own, ["vault", "lock"]))
})

const kept = (slot: Slot): string => join(safe, `passphrase.${slot}`)
const generated = (slot: Slot): string => join(state, `passphrase.${slot}`)

function putBack(slot: Slot): void {
  cpSync(kept(slot), generated(slot))
  chmodSync(generated(slot), 0o600)
}

function takeAway(): void {
  for (const slot of slots) rmSync(generated(slot), { force: true })
}

const files = (...of: Slot[]): string[] =>
  of.flatMap((slot) => ["--passphrase-file", `${slot}=${kept(slot)}`])
const agent = (script = "0"): string[] => [
  "--agent",
  "a1",
  "--provider",
  "scripted",
  "--",
  "node",
  "-e",
  script,
]
const score = (script?: string): string[] => ["score", "--sessions", "1", ...agent(script)]

/** What an unlocked notary says of itself. */
function unlocked(): { pid: number; socket: string; until_ms: number } {
  return JSON.parse(readFileSync(join(state, "unlocked.json"), "utf8")) as never
}

function isNotary(pid: number): boolean {
  const path = `/proc/${pid}/cmdline`
  return existsSync(path) && readFileSync(path, "utf8").includes("notary-main")
}

test("unlocked, everything works without the generated passphrases; locked, nothing does", async () => {
  takeAway()
  const { data, exit } = await amcJson(own, ["vault", "unlock", ...files("auditor", "monitor")])
  expect({ exit, slots: data.slots }).toEqual({ exit: 0, slots: ["auditor", "monitor"] })
  const scored = await amcJson(own, score())
  expect(scored).toMatchObject({ exit: 0, data: { report: { agent: "a1", status: "VALID" } } })
  expect(await amcJson(own, ["run", "--agent", "a1"])).toMatchObject({ exit: 0 })
  const out = join(own.top, "again.amcbundle")
  const runId = scored.data.report.run_id as string
  const exported = ["bundle", "export", "--agent", "a1", "--run", runId, "--out", out]
  expect(await amcJson(own, exported)).toMatchObject({ exit: 0 })
  const { pid } = unlocked()
  expect(await amcJson(own, ["vault", "lock"])).toMatchObject({
    exit: 0,
    data: { locked: ["auditor", "monitor"], passphrase_files: [] },
  })
  await expect.poll(() => isNotary(pid)).toBe(false)
  for (const words of [score(), ["run", "--agent", "a1"], exported])
    expect(await amcJson(own, words)).toMatchObject({
      exit: 3,
      findings: [{ code: "vault/locked", next: "amc vault unlock" }],
    })
  const without = await amc(own, ["run", "--agent", "a1", ...files("auditor", "monitor")])
  expect(without.exit).toBe(0)
})

test("a vault locks itself when its time is up", async () => {
  takeAway()
  const words = ["vault", "unlock", "--for", "2s", ...files("auditor", "monitor")]
  const { data } = await amcJson(own, words)
  const { pid, until_ms } = unlocked()
  expect(data.unlocked_until_ms).toBe(until_ms)
  await expect.poll(() => isNotary(pid), { timeout: 30_000 }).toBe(false)
  expect(await amcJson(own, ["vault", "status"])).toMatchObject({
    data: { unlocked_until_ms: null },
  })
  expect(await amcJson(own, ["run", "--agent", "a1"])).toMatchObject({ exit: 3 })
})

test("passphrases come from descriptors too, and from the environment as a last resort, with a warning", async () => {
  takeAway()
  const shell = `"$0" "$1" vault unlock --slot monitor --passphrase-fd monitor=5 --json 5<"$2"`
  const words = ["-c", shell, process.execPath, program, kept("monitor")]
  const { stdout } = await promisify(execFile)("bash", words, own)
  expect(JSON.parse(stdout)).toMatchObject({ exit: 0, data: { slots: ["monitor"] } })
  const AMC_VAULT_PASSPHRASE = readFileSync(kept("auditor"), "utf8")
  const env = { ...own.env, AMC_VAULT_PASSPHRASE }
  const last = await amc(own, ["vault", "unlock", "--slot", "auditor"], { env })
  expect(last).toMatchObject({
    exit: 0,
    stderr: expect.stringContaining("AMC_VAULT_PASSPHRASE") as string,
  })
  expect(await amcJson(own, ["run", "--agent", "a1"], { env })).toMatchObject({
    findings: [{ code: "vault/locked" }],
  })
})

test("at a terminal the passphrase is asked for, and not shown", async () => {
  takeAway()
  const secret = readFileSync(kept("monitor"), "utf8")
  const command = `${process.execPath} ${program} vault unlock --slot monitor`
  const child = spawn("script", ["-qec", command, "/dev/null"], { ...own, stdio: "pipe" })
  onTestFinished(() => void child.kill())
  let shown = ""
  child.stdout.on("data", (piece: Buffer) => {
    const before = shown
    shown += piece.toString()
    const isAsked = shown.includes("slot monitor: ") && !before.includes("slot monitor: ")
    if (isAsked) child.stdin.write(`${secret}\r`)
  })
  const exit = await new Promise((resolve) => child.once("close", resolve))
  expect(exit).toBe(0)
  expect(shown).toContain("unlocked monitor until")
  expect(shown).not.toContain(secret.slice(0, 8))
})

test("V07 wrong passphrases make the next wait, and are in the ledger after the next capture, marked late", async () => {
  const wrong = join(own.top, "wrong")
  writeFileSync(wrong, "wrong\n", { mode: 0o600 })
  const unlock = ["vault", "unlock", "--slot", "monitor", "--passphrase-file"]
  const vault = readFileSync(join(own.dir, "vault.amcvault"))
  for (let tries = 0; tries < 3; tries++)
    expect(await amcJson(own, [...unlock, `monitor=${wrong}`])).toMatchObject({
      exit: 3,
      findings: [{ code: "vault/wrong-passphrase" }],
    })
  const at = join(state, "unlock-failures.json")
  // The fourth in a row, as if it had been now: the wait is then long enough for a busy machine.
  const failures = JSON.parse(readFileSync(at, "utf8")) as { in_a_row: { count: number }[] }
  failures.in_a_row[0]!.count = 12
  writeFileSync(at, `${JSON.stringify(failures)}\n`, { mode: 0o600 })
  const refused = await amcJson(own, [...unlock, `monitor=${kept("monitor")}`])
  expect(refused).toMatchObject({ exit: 3, findings: [{ code: "vault/backing-off" }] })
  expect(refused.findings[0]?.next).toMatch(/^wait \d+ s, then try again$/)
  const { slots: told } = (await amcJson(own, ["vault", "status"])).data as { slots: object[] }
  expect(told[1]).toMatchObject({ slot: "monitor", failed_attempts: 12 })
  expect(readFileSync(join(own.dir, "vault.amcvault"))).toEqual(vault)
  failures.in_a_row = []
  writeFileSync(at, `${JSON.stringify(failures)}\n`, { mode: 0o600 })
  expect(await amcJson(own, ["run", "--agent", "a1"])).toMatchObject({ exit: 0 })
  const audits = measuredOf(await eventsOf(own.dir), "audit", "_system")
  const late = audits.filter(({ code }) => code === "VAULT_UNLOCK_FAILED")
  expect(late.map(({ subject }) => subject)).toEqual(["monitor", "monitor", "monitor"])
  expect(late.map(({ detail }) => detail.replace(/ at \d{13} ms since 1970/, ""))).toEqual([
    "wrong passphrase, 1 in a row; recorded late",
    "wrong passphrase, 2 in a row; recorded late",
    "wrong passphrase, 3 in a row; recorded late",
  ])
  expect(JSON.parse(readFileSync(at, "utf8"))).toMatchObject({ unrecorded: [] })
})

test("V11 no passphrase is in any command, environment, file or word that anybody sees", async () => {
  const secrets = slots.map((slot) => readFileSync(kept(slot), "utf8"))
  takeAway()
  const said = [await amc(own, ["vault", "unlock", ...files("auditor", "monitor")])]
  const { pid } = unlocked()
  said.push(await amc(own, ["vault", "status", "--json"]), await amc(own, score("1")))
  const processes = readdirSync("/proc").filter(
    (name) => /^\d+$/.test(name) && isNotary(Number(name)),
  )
  expect(processes).toContain(String(pid))
  const shown = processes.flatMap((id) => [
    textOf(`/proc/${id}/cmdline`),
    textOf(`/proc/${id}/environ`),
  ])
  const written = readdirSync(own.top, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.startsWith(safe))
    .map((entry) => textOf(join(entry.parentPath, entry.name)))
  expect(written.length).toBeGreaterThan(15)
  const all = [...said.flatMap(({ stdout, stderr }) => [stdout, stderr]), ...shown, ...written]
  for (const secret of secrets) {
    expect(secret).toHaveLength(43)
    expect(all.filter((text) => text.includes(secret))).toEqual([])
  }
})

function textOf(path: string): string {
  try {
    return readFileSync(path, "latin1")
  } catch {
    // A process may be gone by now.
    return ""
  }
}

test("V13 an agent that could reach the unlocked notary is not started, and the ledger says why", async (context) => {
  // Sockets in mounts are shown empty. Among the distribution's programs nobody looks for them, so the notary is made to
  // listen there, in a mount namespace in which that folder is another.
  if (process.getuid?.() !== 0)
    return context.skip("a folder of /usr can be another for root alone")
  const temporary = "/usr/games"
  const elsewhere = spawn("unshare", [
    "-m",
    "sh",
    "-c",
    `mount -t tmpfs none ${temporary} && echo && exec sleep 300`,
  ])
  onTestFinished(() => void elsewhere.kill())
  await once(elsewhere.stdout, "data")
  const script = own.write(
    "program/agent.mjs",
    "import fs from 'node:fs'; fs.writeFileSync('/workspace/ran', '')\n",
  )
  own.write("program/package.json", "{}")
  chmodSync(join(own.cwd, "program"), 0o755)
  const options = {
    env: { ...own.env, TMPDIR: temporary },
    through: ["nsenter", `--mount=/proc/${elsewhere.pid}/ns/mnt`, `--wdns=${own.cwd}`, "--"],
  }
  const work = join(own.top, "work")
  mkdirSync(work)
  await amcJson(own, ["vault", "unlock"], options)
  const { socket } = unlocked()
  expect(socket.startsWith(temporary)).toBe(true)
  const words = [
    "score",
    "--sessions",
    "1",
    "--agent",
    "v13",
    "--provider",
    "scripted",
    "--work",
    work,
    "--",
    "node",
    script,
  ]
  // As for a monitor that is not root: there the agent runs under the notary's own user.
  const seen = `/proc/${elsewhere.pid}/root${socket}`
  chmodSync(join(seen, ".."), 0o755)
  chmodSync(join(seen, "../.."), 0o755)
  chmodSync(seen, 0o666)
  const refused = await amcJson(own, words, { through: options.through })
  expect(refused).toMatchObject({ exit: 3, findings: [{ code: "sandbox/probe-failed" }] })
  expect(refused.findings[0]?.detail).toContain("socket.unlocked_notary was reached")
  const events = await eventsOf(own.dir)
  expect(measuredOf(events, "audit", "v13").map(({ code }) => code)).toContain(
    "TRUST_BOUNDARY_SHARED",
  )
  expect(measuredOf(events, "session_seal", "v13")).toMatchObject([{ posture: "shared" }])
  const { report } = (await amcJson(own, ["run", "--agent", "v13"])).data as {
    report: { status: string }
  }
  expect(report.status).toBe("INVALID")
  await amc(own, ["vault", "lock"], options)
  return undefined
})

test("passwd puts a slot under another passphrase, and takes the generated one away", async () => {
  const next = join(own.top, "next")
  writeFileSync(next, "correct horse battery staple\n", { mode: 0o600 })
  const words = ["vault", "passwd", "--slot", "monitor", "--new-passphrase-file", next]
  expect(await amcJson(own, words)).toMatchObject({ exit: 0, data: { passphrase_file: "removed" } })
  expect(await amcJson(own, ["run", "--agent", "a1"])).toMatchObject({
    findings: [{ code: "vault/locked" }],
  })
  const given = ["--passphrase-file", `monitor=${next}`]
  expect(await amcJson(own, ["run", "--agent", "a1", ...given])).toMatchObject({ exit: 0 })
  const back = [
    "vault",
    "passwd",
    "--slot",
    "monitor",
    "--new-passphrase-file",
    kept("monitor"),
    ...given,
  ]
  expect(await amcJson(own, back)).toMatchObject({ data: { passphrase_file: "none" } })
  expect(await amcJson(own, ["vault", "passwd", "--slot", "root"])).toMatchObject({
    exit: 2,
    findings: [{ code: "usage/invalid" }],
  })
})

test.each([
  { why: "the root's slot", words: ["vault", "unlock", "--slot", "root"] },
  { why: "a slot twice", words: ["vault", "unlock", "--slot", "monitor", "--slot", "monitor"] },
  { why: "too long a time", words: ["vault", "unlock", "--for", "8d"] },
  { why: "no time", words: ["vault", "unlock", "--for", "soon"] },
])("does not unlock with $why", async ({ words }) => {
  expect(await amcJson(own, words)).toMatchObject({
    exit: 2,
    findings: [{ code: "usage/invalid" }],
  })
  expect(existsSync(join(state, "unlocked.json"))).toBe(false)
})

test("the unlocked notary ends when its folder is taken away", async () => {
  await amcJson(own, ["vault", "unlock"])
  const { pid } = unlocked()
  renameSync(join(state, "unlocked.json"), join(state, "elsewhere.json"))
  await expect.poll(() => isNotary(pid), { timeout: 30_000 }).toBe(false)
  rmSync(join(state, "elsewhere.json"))
})
