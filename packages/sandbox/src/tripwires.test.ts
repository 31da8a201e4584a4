import { spawnSync } from "node:child_process"
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
import { layTripwires, type Tripwires, uidOf } from "./tripwires.ts"
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

test("a connection to the socket is a hit, and so is one to the port by the agent's user", async () => {
  const hits: string[] = []
  const before = new Set(ownPorts())
  const wires = await lay(hits, process.getuid?.() ?? 0)
  const [port = 0] = ownPorts().filter((each) => !before.has(each))
  const socket = readdirSync(folder).find((name) => name.startsWith("c-")) ?? ""
  await dial({ path: path.join(folder, socket) })
  await dial({ host: "127.0.0.1", port })
  await until(() => hits.length === 2, 5000)
  expect(hits).toEqual(["a socket beside the notary's", "a port on the host's loopback"])
  expect(wires.hits).toBe(2)
  await wires.close()
})

test("a connection to the port by another user of this host is no hit", async () => {
  const hits: string[] = []
  const before = new Set(ownPorts())
  const wires = await lay(hits, 4_000_000)
  const [port = 0] = ownPorts().filter((each) => !before.has(each))
  await dial({ host: "127.0.0.1", port })
  await wires.close()
  expect(hits).toEqual([])
})

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

test("who is not in the kernel's table is unknown", () => {
  const table = path.join(folder, "tcp")
  const line = "0: 0100007F:1000 0100007F:2000 01 00000000:00000000 00:00000000 00000000 60800 0 99"
  writeFileSync(table, `header\n   ${line}\n`)
  expect(uidOf(0x1000, 0x2000, table)).toBe(60_800)
  expect(uidOf(0x1000, 0x2001, table)).toBeNull()
  rmSync(table)
})
