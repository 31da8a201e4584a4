import { createHash } from "node:crypto"
import { execFileSync } from "node:child_process"
import { chmodSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import path from "node:path"
import { text } from "node:stream/consumers"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { sandboxDriver } from "./drivers.ts"
import { driverNames, type SandboxDriver } from "./driver.ts"
import { startedAt } from "./process-view.ts"
import { probeBinary } from "./probe-binary.ts"
import { startDocker, startPodman, type TestEngine } from "./testing/engines.ts"
import { processesNaming } from "./testing/processes.ts"
import { collect, makeRig, open, type Ran, type Rig, rigLimits, runInBox } from "./testing/rig.ts"
import { until } from "./until.ts"

const MiB = 1 << 20
const quick = { ...rigLimits, timeoutMs: 300 }
const none: TestEngine = {
  socket: "",
  environment: {},
  within: [],
  left: async () => [],
  close: async () => {},
}
const starts: Record<(typeof driverNames)[number], () => Promise<TestEngine>> = {
  bubblewrap: async () => none,
  docker: startDocker,
  podman: startPodman,
}

describe.each(driverNames)("a box of %s", (name) => {
  let engine: TestEngine
  let driver: SandboxDriver
  let rig: Rig
  beforeAll(async () => {
    engine = await starts[name]()
    if ("missing" in engine) return console.error(`NOT TESTED: boxes of ${name}: ${engine.missing}`)
    const { environment } = engine
    driver = sandboxDriver({ name, environment, image: null, network: "none" })
    rig = await makeRig()
  })
  afterAll(async () => {
    await rig?.close()
    if (!("missing" in engine)) await engine.close()
  })

  const sh = (script: string, changes = {}, input = ""): Promise<Ran> =>
    runInBox(rig, rig.spec(["sh", "-c", script], changes), input, driver)

  /** One test of the contract; where there is no engine it is left out, and that is said. */
  const holds = (what: string, run: () => Promise<void>): void =>
    test(what, async (context) => {
      if ("missing" in engine) return context.skip(engine.missing)
      const before = traces(rig)
      await run()
      await until(() => traces(rig) === before, 5000)
      expect(traces(rig)).toBe(before)
      expect(await engine.left()).toEqual([])
    })

  holds("works here, as the probe found", async () => {
    expect(await driver.detect()).toMatchObject({ available: true })
  })

  holds("is measured and hardened, and the process at the barrier is the probe", async () => {
    const { verdict, record } = await sh("exit 0")
    expect(verdict).toEqual({ posture: "measured", hardened: true, reasons: [] })
    expect(record.outside).toMatchObject({
      exe_sha256: probeBinary().sha256,
      ingress: "run-socket",
      memory_limit_bytes: rigLimits.memoryBytes,
      pids_limit: rigLimits.pids,
      rlimit_core: "1",
      rlimit_fsize: String(rigLimits.fileBytes),
      interfaces: "lo",
    })
  })

  holds("has a plan that says what it is made from", async () => {
    const spec = rig.spec(["true"])
    const prepared = await driver.prepare(spec)
    const { plan } = prepared
    expect(plan).toMatchObject({
      driver: name,
      limits: rigLimits,
      probeSha256: probeBinary().sha256,
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
    expect(plan.image === null).toBe(name === "bubblewrap")
    await (await prepared.launch()).refuse()
  })

  holds("shares nothing with another run that was prepared at the same moment", async () => {
    const prepare = () => driver.prepare(rig.spec(["true"]))
    const [one, other] = await Promise.all([prepare(), prepare()])
    if (one.plan.image !== null) expect(one.plan.image.id).not.toBe(other.plan.image?.id)
    await (await one.launch()).refuse()
    await (await other.launch()).refuse()
  })

  holds("passes on exit codes, both outputs and the input, each by itself", async () => {
    const ran = await sh("cat; echo err >&2; exit 7", {}, "in\n")
    expect(ran).toMatchObject({ code: 7, signal: null, out: "in\n", err: "err\n" })
    expect(ran).toMatchObject({ timedOut: false, outOfMemory: false })
  })

  holds("tells a signal as the shell does", async () => {
    expect(await sh("kill -SEGV $$")).toMatchObject({ code: 139 })
    expect(await sh("kill -TERM $$")).toMatchObject({ code: 143 })
  })

  holds("gives the agent the environment of the spec and nothing else", async () => {
    const env = { PATH: "/usr/bin:/bin", OPENAI_API_KEY: "lease" }
    const { out } = await sh("tr '\\0' '\\n' </proc/$$/environ", { env })
    expect(out.trim().split("\n").sort()).toEqual(["OPENAI_API_KEY=lease", "PATH=/usr/bin:/bin"])
  })

  holds(
    "shows the program without its .amc, and lets the work folder alone be written",
    async () => {
      const { program } = rig
      const { out } = await sh(
        `cat ${program}/readme; echo; ls -A ${program}/.amc | wc -l; echo new >made && cat made;
       for f in / /usr ${program} ${program}/.amc /etc /run/amc; do touch $f/x 2>/dev/null && echo "wrote $f"; done; true`,
      )
      expect(out).toBe("program text\n0\nnew\n")
    },
  )

  holds("shows no socket and no pipe of its mounts, through which it could talk", async () => {
    const { program } = rig
    const calls: string[] = []
    const server = createServer((call) => call.once("data", () => calls.push("called")).end())
    await new Promise<void>((done) => server.listen(path.join(program, "sock"), done))
    execFileSync("mkfifo", ["-m", "0666", path.join(program, "pipe")])
    chmodSync(path.join(program, "sock"), 0o777)
    const { out } = await sh(
      `cd ${program}; for f in sock pipe; do [ -S $f ] || [ -p $f ] || echo "$f is none"; done
       /usr/bin/socat - UNIX-CONNECT:sock </dev/null 2>/dev/null || echo refused`,
    )
    expect(out).toBe("sock is none\npipe is none\nrefused\n")
    await new Promise((done) => server.close(done))
    rmSync(path.join(program, "pipe"))
    expect(calls).toEqual([])
  })

  holds("passes on an input of many pieces, whole", async () => {
    const input = Array.from({ length: 20_000 }, (_, line) => `line ${line}`).join("\n")
    const { out } = await sh("sha256sum", {}, input)
    expect(out.split(" ")[0]).toBe(createHash("sha256").update(input).digest("hex"))
  })

  holds("passes on 100 MB of output, whole", async () => {
    const box = await open(
      rig.spec(["sh", "-c", "yes 0123456789abcde | head -c 100000000"]),
      driver,
    )
    await box.skipProbe()
    await box.go()
    box.stdin.end()
    let bytes = 0
    for await (const part of box.stdout as AsyncIterable<Buffer>) bytes += part.length
    expect({ bytes, ...(await box.exited) }).toMatchObject({ bytes: 100_000_000, code: 0 })
  })

  holds(
    "asks an agent first when its time is over, and forces one that does not listen",
    async () => {
      const polite = "trap 'echo asked; exit 3' TERM; while :; do sleep 0.05; done"
      const asked = await sh(polite, { limits: quick })
      expect(asked).toMatchObject({ code: 3, timedOut: true, out: "asked\n" })
      const deaf = await sh("trap '' TERM; while :; do sleep 0.05; done", { limits: quick })
      expect(deaf.timedOut).toBe(true)
      expect(deaf.code === 137 || deaf.signal === "SIGKILL").toBe(true)
    },
  )

  holds("ends what takes too much memory, and says so", async () => {
    const limits = { ...rigLimits, memoryBytes: 64 * MiB }
    const ran = await sh("head -c 300M /dev/zero | tail -n 1 >/dev/null", { limits })
    expect(ran).toMatchObject({ code: 137, outOfMemory: true, timedOut: false })
  })

  holds("stops what starts too many processes", async () => {
    const limits = { ...rigLimits, pids: 24 }
    const { err } = await sh("for i in $(seq 60); do sleep 5 & done", { limits })
    expect(err).toMatch(/fork/i)
  })

  holds("ends with the agent, whatever that left running", async () => {
    const box = await open(rig.spec(["sh", "-c", "setsid sleep 300 & exit 5"]), driver)
    await box.runProbe(rig.targets)
    await box.go()
    expect(await collect(box)).toMatchObject({ code: 5 })
    expect(startedAt(box.pid)).toBeNull()
  })

  holds("fails with 125 where the command can't be started", async () => {
    const box = await open(rig.spec(["no-such-command"]), driver)
    await box.skipProbe()
    await expect(box.go()).rejects.toMatchObject({ code: "sandbox/start-failed" })
    expect(await box.exited).toMatchObject({ code: 125 })
  })

  holds("never starts an agent that was refused", async () => {
    const box = await open(rig.spec(["sh", "-c", "echo ran"]), driver)
    await box.runProbe(rig.targets)
    const out = text(box.stdout)
    await box.refuse()
    expect(await out).not.toContain("ran")
  })

  holds("is seen from outside to be one thing from the barrier to the end", async () => {
    const box = await open(rig.spec(["sh", "-c", "sleep 0.2; (sleep 0.2)"]), driver)
    await box.runProbe(rig.targets)
    await box.go()
    const drifts: string[] = []
    const watch = box.watch((what) => drifts.push(what))
    await collect(box)
    expect(watch.stop()).toMatchObject({ drifts: [], sameProcess: true, unseen: 0 })
    expect(drifts).toEqual([])
  })

  holds("can be one of ten at once", async () => {
    const all = Array.from({ length: 10 }, (_, index) =>
      sh(`echo ${index}; cat; exit ${index}`, {}, "x"),
    )
    const ran = await Promise.all(all)
    expect(ran.map(({ code, out }) => [code, out])).toEqual(
      ran.map((_, index) => [index, `${index}\nx`]),
    )
    expect(new Set(ran.map(({ verdict }) => verdict.posture))).toEqual(new Set(["measured"]))
  })
})

/** What of a run's could be left behind on this machine, in one text. */
function traces({ folder, targets }: Rig): string {
  const processes = processesNaming(folder)
  // Others of this machine mount and unmount while a test runs.
  const mounts = readFileSync("/proc/self/mountinfo", "latin1").split("\n")
  const own = mounts.filter((mount) => mount.includes(folder))
  return JSON.stringify({ processes, own, canaries: readdirSync(targets.canaryFolder) })
}
