import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { afterAll, beforeAll, expect, test } from "vitest"
import { watchBox } from "./box-watch.ts"
import { childrenOf, outsideView } from "./outside.ts"
import { collect, makeRig, open, type Rig } from "./testing/rig.ts"
import { until } from "./until.ts"

let rig: Rig
beforeAll(async () => {
  rig = await makeRig()
})
afterAll(() => rig.close())

test("a box whose agent forks and ends stays as it was", async () => {
  const box = await open(rig.spec(["sh", "-c", "for i in 1 2 3; do sleep 0.2 & done; wait; cat"]))
  await box.runProbe(rig.targets)
  await box.go()
  const drifts: string[] = []
  const watch = box.watch((what) => drifts.push(what))
  await until(() => watchSeen(box.pid) >= 3, 5000)
  const ran = await collect(box)
  const summary = watch.stop()
  expect(ran.code).toBe(0)
  expect(drifts).toEqual([])
  expect(summary).toMatchObject({ drifts: [], sameProcess: true, unseen: 0 })
  expect(summary.rounds).toBeGreaterThan(0)
})

test("what an agent dials in vain is counted by the kernel, to the end and from the agent's start", async () => {
  const dial = (way: string): string => `(echo >/dev/${way}) 2>/dev/null`
  const ways = ["tcp/1.1.1.1/443", "tcp/169.254.169.254/80", "udp/8.8.8.8/53", "tcp/127.0.0.1/9"]
  const box = await open(rig.spec(["bash", "-c", `${ways.map(dial).join("; ")}; true`]))
  expect(box.refusedDials()).toBeNull()
  await box.runProbe(rig.targets)
  await box.go()
  expect((await collect(box)).code).toBe(0)
  expect(box.refusedDials()).toEqual({ noRoute: 3, failed: 1 })
})

const watchSeen = (pid: number): number => childrenOf(pid).length

test("a mount that came into a box while the agent ran is told of", async () => {
  // To do what a broken wall would allow takes root.
  if (process.getuid?.() !== 0) return
  const box = await open(rig.spec(["cat"]))
  await box.runProbe(rig.targets)
  await box.go()
  const watch = box.watch(() => undefined)
  execFileSync("nsenter", ["-t", `${box.pid}`, "-m", "mount", "-t", "tmpfs", "none", "/tmp"])
  expect(watch.stop().drifts).toEqual([expect.stringMatching(/^mounts is \d+ and was \d+$/)])
  await collect(box)
})

test("a box that was not measured can't be watched", async () => {
  const box = await open(rig.spec(["true"]))
  expect(() => box.watch(() => undefined)).toThrow(
    expect.objectContaining({ code: "sandbox/probe-failed" }),
  )
  await box.refuse()
})

test("a process that was begun by a second thread is looked at too", async () => {
  const inWorker = 'require("node:child_process").spawn("sleep", ["300"], { stdio: "ignore" })'
  const script = `
    const worker = new (require("node:worker_threads").Worker)(${JSON.stringify(inWorker)}, { eval: true })
    process.stdin.on("end", () => process.exit()).resume()`
  const child = spawn(process.execPath, ["-e", script], { stdio: ["pipe", "ignore", "ignore"] })
  const pid = child.pid ?? 0
  await until(() => childrenOf(pid).length === 1, 10_000)
  const mainThread = readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1")
  const found = childrenOf(pid)
  for (const sleeping of found) process.kill(sleeping)
  child.stdin.end()
  await once(child, "exit")
  expect({ mainThread, found: found.length }).toEqual({ mainThread: "", found: 1 })
})

/** A process with a child, of which this test plays the monitor. */
async function family(...command: readonly string[]) {
  const [program = "", ...args] = command
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "ignore"] })
  const boxPid = child.pid ?? 0
  await until(() => childrenOf(boxPid).length === 1, 5000)
  const agentPid = childrenOf(boxPid)[0] ?? 0
  const end = async (): Promise<void> => {
    const gone = once(child, "exit")
    child.stdin.end()
    await gone
  }
  return { boxPid, agentPid, end }
}

const driver = { memoryBytes: 0, pids: 0, seccompProfile: "", ingress: "none" } as const

test.each([
  { why: "has another user", changes: { uid: 4711 }, drift: /^uid is \d+ and was 4711$/ },
  { why: "has another namespace", changes: { ns_net: "net:[1]" }, drift: /^ns_net is / },
  { why: "has capabilities", changes: { cap_eff: "ff" }, drift: /^cap_eff is / },
  { why: "took a filter off", changes: { seccomp_filters: 9 }, drift: /^seccomp_filters is / },
  { why: "has another mount", changes: { mounts: 1 }, drift: /^mounts is / },
  { why: "is another process", changes: { started_at: "1" }, drift: /^the agent's pid is another/ },
])("a process that $why is told of, once", async ({ changes, drift }) => {
  const { boxPid, agentPid, end } = await family("sh", "-c", "sleep 300 & read -r _; kill $!")
  const atBarrier = { ...outsideView(agentPid, driver), ...changes }
  const seen: string[] = []
  const watch = watchBox({ boxPid, agentPid, atBarrier }, (what) => seen.push(what))
  const { drifts, rounds } = watch.stop()
  await end()
  expect(seen).toEqual([expect.stringMatching(drift)])
  expect({ drifts, rounds }).toEqual({ drifts: seen, rounds: 2 })
})
