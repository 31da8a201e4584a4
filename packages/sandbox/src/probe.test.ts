import { spawn } from "node:child_process"
import { chmodSync } from "node:fs"
import path from "node:path"
import { hasControl, judgeIsolation, type ProbeRecord } from "@amc/core"
import { afterAll, beforeAll, expect, test } from "vitest"
import { onlyChild, outsideView } from "./outside.ts"
import { openPipes } from "./pipes.ts"
import { probeBinary } from "./probe-binary.ts"
import { ProbeChannel } from "./probe-channel.ts"
import { measureIsolation } from "./probe.ts"
import { makeRig, open, type Rig } from "./testing/rig.ts"
import { until } from "./until.ts"

let rig: Rig
beforeAll(async () => {
  rig = await makeRig()
})
afterAll(() => rig.close())

/** Probes a process in any arrangement: `prefix` is what stands before the probe on the command line. */
async function probe(
  prefix: readonly string[],
  depth: number,
  env: Record<string, string> = {},
): Promise<ProbeRecord> {
  const binary = probeBinary()
  const pipes = await openPipes(null)
  const [command = "", ...args] = [...prefix, binary.file]
  const child = spawn(command, args, { stdio: [...pipes.childEnds], env: {} })
  pipes.closeChildEnds()
  let pid: number | null = child.pid ?? null
  for (let step = 0; step < depth; step++) {
    const parent: number = pid ?? 0
    await until(() => onlyChild(parent) !== null, 5000)
    pid = onlyChild(parent)
  }
  const channel = new ProbeChannel(pipes.stdin, pipes.stdout)
  try {
    const driver = { memoryBytes: 0, pids: 0, seccompProfile: "", ingress: "none" } as const
    const outside = () => outsideView(pid ?? 0, driver)
    const place = {
      gateway: { host: "127.0.0.1", port: 1 },
      egress: null,
      work: rig.folder,
      probe: binary.file,
      walkRoot: "/",
      internet: false,
    }
    return await measureIsolation(
      { binary, channel, command: ["true"], env, outside, place },
      rig.targets,
    )
  } finally {
    child.kill("SIGKILL")
  }
}

const reached = (record: ProbeRecord): string[] =>
  record.checks.filter((c) => c.expect === "denied" && c.outcome === "reached").map((c) => c.id)

test("a process without a box is shared: it reaches everything", async () => {
  const record = await probe([], 0)
  expect(judgeIsolation(record).posture).toBe("shared")
  expect(reached(record)).toEqual(
    expect.arrayContaining([
      "file.vault",
      "file.ledger",
      "file.canary",
      "socket.canary",
      "abstract.canary",
      "tcp.loopback",
      "udp.loopback",
      "process.visible",
      "process.environ",
      "process.memory",
      "monitor.fd",
      "monitor.vm_readv",
      "monitor.pidfd",
      "monitor.ptrace",
      "monitor.own_mem",
      "monitor.own_environ",
      "monitor.own_fd",
      "surface.netlink",
      "hardening.vsock",
      "hardening.io_uring",
    ]),
  )
})

test("bubblewrap around the whole file system is shared, though network and processes are its own", async () => {
  const user = process.getuid?.() === 0 ? [] : ["--unshare-user"]
  const naive = [
    "/usr/bin/bwrap",
    ...user,
    "--ro-bind",
    "/",
    "/",
    "--unshare-net",
    "--unshare-pid",
    "--proc",
    "/proc",
  ]
  const record = await probe(naive, 2)
  expect(judgeIsolation(record).posture).toBe("shared")
  expect(reached(record)).toEqual(
    expect.arrayContaining(["file.vault", "file.canary", "socket.canary"]),
  )
  expect(reached(record)).not.toEqual(expect.arrayContaining(["tcp.loopback"]))
})

test.each([
  { why: "AMC's own name", env: { AMC_VAULT_PASSPHRASE: "x" } },
  { why: "a name of AMC's in other letters", env: { amc_admin_token: "x" } },
])("an environment with $why is shared", async ({ env }) => {
  const box = await open(rig.spec(["true"], { env }))
  const record = await box.runProbe(rig.targets)
  await box.refuse()
  expect(judgeIsolation(record)).toMatchObject({
    posture: "shared",
    reasons: ["env.secrets was reached"],
  })
})

test("a workspace that lies open in the mounted program is shared", async () => {
  chmodSync(rig.folder, 0o755)
  const spec = rig.spec(["true"])
  const open_ = await open({ ...spec, readOnly: [rig.folder], gatewaySocket: spec.gatewaySocket })
  const record = await open_.runProbe({
    ...rig.targets,
    files: { ...rig.targets.files, copy: path.join(rig.program, "readme") },
  })
  await open_.refuse()
  expect(reached(record)).toContain("file.copy")
})

test("a target that is not there is no control, so the posture is shared", async () => {
  const box = await open(rig.spec(["true"]))
  const record = await box.runProbe({ ...rig.targets, sockets: { notary: "/nowhere/notary.sock" } })
  await box.refuse()
  expect(judgeIsolation(record).reasons).toEqual(["socket.notary has no control that reached"])
  expect(record.checks).toContainEqual({
    id: "socket.notary",
    expect: "denied",
    outcome: "inconclusive",
    control: "denied",
  })
})

test("in a box every check that must fail has a control or is inconclusive, and so has every one that must reach", async () => {
  const box = await open(rig.spec(["true"]))
  const { checks } = await box.runProbe(rig.targets)
  await box.refuse()
  const bare = checks.filter((check) => !hasControl(check))
  expect(bare.map(({ outcome }) => outcome)).toEqual(bare.map(() => "inconclusive"))
  expect(bare.map(({ id }) => id).filter((id) => !/^surface\.(?:alg|bpf|perf)$/.test(id))).toEqual(
    [],
  )
})

test("a box that can't reach its gateway is shared", async () => {
  const other = await makeRig()
  const box = await open(other.spec(["true"]))
  await other.close()
  const record = await box.runProbe(rig.targets)
  await box.refuse()
  expect(judgeIsolation(record).reasons).toContain("gateway.http was not reached")
})

test.each([
  { why: "a bad name", changes: { sockets: { "Not a name": "/x" } } },
  {
    why: "too many",
    changes: { ports: Object.fromEntries(Array.from({ length: 130 }, (_, i) => [`p${i}`, 1])) },
  },
])("refuses targets with $why", async ({ changes }) => {
  const box = await open(rig.spec(["true"]))
  await expect(box.runProbe({ ...rig.targets, ...changes })).rejects.toMatchObject({
    code: "usage/invalid",
  })
  await box.refuse()
})

test("a probe that dies is a failure of the probe", async () => {
  const box = await open(rig.spec(["true"]))
  const probing = box.runProbe(rig.targets)
  process.kill(box.pid, "SIGKILL")
  await expect(probing).rejects.toMatchObject({ code: "sandbox/probe-failed" })
  expect(await box.exited).toMatchObject({ timedOut: false })
})
