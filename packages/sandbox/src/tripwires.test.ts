import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs"
import { connect } from "node:net"
import { tmpdir } from "node:os"
import path from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { holderOf, layTripwires, type Tripwires } from "./tripwires.ts"
import { until } from "./until.ts"

let folder: string
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "amc-test-"))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const lay = (hits: string[], agentUid: number): Promise<Tripwires> =>
  layTripwires({ besideVault: folder, besideNotary: folder, agentUid }, (what) => hits.push(what))

/** The loopback ports that this process listens on. */
function ownPorts(): number[] {
  const { stdout } = spawnSync("ls", ["-l", `/proc/${process.pid}/fd`], { encoding: "utf8" })
  const own = new Set([...stdout.matchAll(/socket:\[(\d+)\]/g)].map(([, inode]) => inode))
  const lines = readFileSync("/proc/net/tcp", "latin1").split("\n").slice(1)
  const fields = lines.map((line) => line.trim().split(/\s+/))
  return fields
    .filter((each) => each[3] === "0A" && own.has(each[9]))
    .map((each) => Number.parseInt(each[1]?.split(":")[1] ?? "", 16))
}

const dial = (at: { path: string } | { host: string; port: number }): Promise<void> =>
  new Promise((done) =>
    connect(at)
      .on("close", () => done())
      .on("error", () => undefined),
  )

test("tripwires are new, hold their canary, and go without a trace", async () => {
  const wires = await lay([], 1)
  const [socket = "", file = ""] = readdirSync(folder).sort()
  expect([socket.slice(0, 2), file.slice(0, 7)]).toEqual(["c-", "canary-"].sort())
  expect(readFileSync(path.join(folder, file), "utf8")).toBe(wires.canary)
  await wires.close()
  expect(readdirSync(folder)).toEqual([])
  expect(wires.hits).toBe(0)
})

test("a connection to the socket is a hit", async () => {
  const hits: string[] = []
  const wires = await lay(hits, 1)
  const socket = readdirSync(folder).find((name) => name.startsWith("c-")) ?? ""
  await dial({ path: path.join(folder, socket) })
  await until(() => hits.length === 1, 5000)
  expect(hits).toEqual(["a socket beside the notary's"])
  expect(wires).toMatchObject({ hits: 1, unclear: 0 })
  await wires.close()
})

const uid = process.getuid?.() ?? 0
/** Connects and waits for the end, or goes away at once. */
const stays = 'exec 3<>"/dev/tcp/127.0.0.1/$0"; read -r <&3'
const goes = 'exec 3<>"/dev/tcp/127.0.0.1/$0"'
const asAgent = ["setpriv", "--reuid=60800", "--regid=60800", "--clear-groups", "bash", "-c"]
const elsewhere = [
  "unshare",
  ...(uid === 0 ? [] : ["--user"]),
  "--pid",
  "--fork",
  "--kill-child",
  "bash",
  "-c",
]

test.each([
  {
    why: "by the agent's own user",
    words: [...asAgent, stays],
    agentUid: 60_800,
    hits: 1,
    root: true,
  },
  { why: "by another user", words: ["bash", "-c", stays], agentUid: 60_800, hits: 0, root: true },
  {
    why: "by the monitor's user, in a pid namespace of its own",
    words: [...elsewhere, stays],
    agentUid: uid,
    hits: 1,
  },
  { why: "by the monitor's user, beside it", words: ["bash", "-c", stays], agentUid: uid, hits: 0 },
])("a connection to the port $why: $hits hits", async ({ words, agentUid, hits, root }) => {
  if (root === true && uid !== 0) return
  const { wires, port } = await layPort(agentUid)
  const [file = "", ...args] = words
  await once(spawn(file, [...args, String(port)], { stdio: "ignore" }), "exit")
  expect(wires).toMatchObject({ hits, unclear: 0 })
  await wires.close()
})

test("a connection whose maker has gone spoils nothing, and is counted", async () => {
  const { wires, port } = await layPort(uid)
  // Nothing here runs meanwhile, so that it is over before it is looked at.
  spawnSync("bash", ["-c", goes, String(port)])
  await until(() => wires.unclear === 1, 5000)
  expect(wires).toMatchObject({ hits: 0, unclear: 1 })
  await wires.close()
})

async function layPort(agentUid: number): Promise<{ wires: Tripwires; port: number }> {
  const before = new Set(ownPorts())
  const wires = await lay([], agentUid)
  const [port = 0] = ownPorts().filter((each) => !before.has(each))
  return { wires, port }
}

test("a canary that a killed monitor left a week ago is removed, and no younger one", async () => {
  const [old, young] = ["canary-0123456789ab", "canary-ba9876543210"].map((name) =>
    path.join(folder, name),
  ) as [string, string]
  for (const file of [old, young]) writeFileSync(file, "")
  const weekAgo = statSync(young).mtimeMs / 1000 - 8 * 86_400
  utimesSync(old, weekAgo, weekAgo)
  const wires = await lay([], 1)
  await wires.close()
  expect(readdirSync(folder)).toEqual(["canary-ba9876543210"])
  rmSync(young)
})

test("who is not in the kernel's table, or has let go, is unknown", () => {
  const table = path.join(folder, "tcp")
  const line = (to: string, inode: string): string =>
    `   0: 0100007F:1000 ${to} 01 00000000:00000000 00:00000000 00000000 60800 0 ${inode}\n`
  writeFileSync(table, `header\n${line("0200007F:2000", "99")}${line("0100007F:2001", "0")}`)
  const from = `127.0.0.1:${0x1000}`
  expect(holderOf(from, `127.0.0.2:${0x2000}`, table)).toEqual({ uid: 60_800, inode: "99" })
  expect(holderOf(from, `127.0.0.1:${0x2000}`, table)).toBeNull()
  expect(holderOf(from, `127.0.0.1:${0x2001}`, table)).toBeNull()
  rmSync(table)
})
