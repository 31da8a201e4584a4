import { createHash } from "node:crypto"
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs"
import { createServer } from "node:http"
import { createServer as createNetServer } from "node:net"
import path from "node:path"
import { canonicalize, judgeIsolation } from "@amc/core"
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest"
import { detectBubblewrap } from "./detect.ts"
import { onlyChild } from "./outside.ts"
import {
  collect,
  makeRig,
  open,
  type Ran,
  type Rig,
  rigLimits,
  runInBox,
  vaultText,
} from "./testing/rig.ts"
import { processesNaming } from "./testing/processes.ts"
import { probeBinary } from "./probe-binary.ts"
import { startedAt } from "./process-view.ts"
import { until } from "./until.ts"

const isRoot = process.getuid?.() === 0
let rig: Rig
beforeAll(async () => {
  expect(await detectBubblewrap()).toMatchObject({ available: true })
  rig = await makeRig()
})
afterAll(() => rig.close())

const sh = (script: string, changes = {}, input = ""): Promise<Ran> =>
  runInBox(rig, rig.spec(["sh", "-c", script], changes), input)

describe("the box", () => {
  test("is measured, and hardened where limits can be set", async () => {
    const { verdict, record } = await sh("exit 0")
    expect(verdict.posture).toBe("measured")
    expect(verdict.reasons.filter((reason) => reason !== "no memory limit in force")).toEqual([])
    expect(record.agree).toBe(true)
    const walls = record.checks.filter((c) => c.expect === "denied")
    const standsIn = /^(engine|internet|surface)\./
    const known = walls.filter((c) => c.outcome === "denied")
    expect(known.every((c) => standsIn.test(c.id) || c.control === "reached")).toBe(true)
    // Calls that nobody can make here.
    const unknown = walls.filter((c) => c.outcome !== "denied")
    expect(unknown.filter(({ id }) => !/^surface\.(?:alg|bpf|perf)$/.test(id))).toEqual([])
    expect(walls.length).toBeGreaterThan(50)
    expect(record.outside).toMatchObject({
      exe_sha256: probeBinary().sha256,
      ingress: "run-socket",
      rlimit_core: "1",
      rlimit_fsize: String(rigLimits.fileBytes),
    })
    expect(canonicalize(record as never).length).toBeLessThan(16 * 1024)
  })

  test("has root's limits in force, read back", async () => {
    if (!isRoot) return expect((await sh("exit 0")).record.outside["pids_limit"]).toBe(128)
    const { record } = await sh("exit 0")
    expect(record.outside).toMatchObject({ memory_limit_bytes: 512 * 1024 * 1024, pids_limit: 128 })
  })

  test("gives the program read-only, the work folder writable, and no secret of the workspace", async () => {
    const { program } = rig
    const { out } = await sh(
      `cat ${program}/readme; echo; cat task; echo; echo new >made; cat made; ls -A ${program}/.amc | wc -l;
       cat ${program}/.amc/vault; touch ${program}/x ${program}/.amc/x /usr/x /x /etc/x /dev/x 2>/dev/null; echo $?;
       ls -A /root /home/* 2>/dev/null; ls -A / | tr '\\n' ' '; cat /proc/*/cmdline /proc/*/environ 2>/dev/null | tr '\\0' ' '`,
    )
    expect(out.split("\n").slice(0, 5)).toEqual(["program text", "task text", "new", "0", "1"])
    expect(out).not.toContain(vaultText)
    expect(existsSync(path.join(program, "x"))).toBe(false)
  })

  test("shows hidden folders and files empty", async () => {
    const answers = path.join(rig.program, "answers")
    mkdirSync(answers, { recursive: true })
    for (const file of ["answers/one", "check"])
      writeFileSync(path.join(rig.program, file), "the answer")
    const hidden = [answers, path.join(rig.program, "check"), "/elsewhere"]
    const { out, code } = await sh(`cd ${rig.program}; ls -A answers; cat check answers/* readme`, {
      hidden,
    })
    expect({ out, code }).toEqual({ out: "program text", code: 1 })
  })

  test.skipIf(!isRoot)("shows a workspace among this machine's programs empty", async () => {
    const place = mkdtempSync("/usr/local/amc-test-")
    try {
      const state = path.join(place, ".amc")
      mkdirSync(state)
      for (const each of [place, state]) chmodSync(each, 0o755)
      writeFileSync(path.join(state, "config"), "of another workspace")
      const { out, verdict } = await sh(`ls -A ${place} ${state}`, { hidden: [state] })
      expect(out).toBe(`${place}:\n.amc\n\n${state}:\n`)
      expect(verdict.posture).toBe("measured")
    } finally {
      rmSync(place, { recursive: true })
    }
  })

  test("can be one with no way out, which is then not measured as one with a gateway", async () => {
    const box = await open(rig.spec(["true"], { gatewaySocket: null }))
    const { reasons } = judgeIsolation(await box.runProbe(rig.targets))
    await box.refuse()
    expect(reasons).toEqual(["gateway.http was not reached"])
  })

  test("runs the owner's own command without a probe", async () => {
    const box = await open(rig.spec(["sh", "-c", "echo checked; exit 4"], { gatewaySocket: null }))
    await box.skipProbe()
    await box.go()
    expect(await collect(box)).toMatchObject({ out: "checked\n", code: 4 })
  })

  test("gives exactly the environment of the spec", async () => {
    const { out } = await sh("env; tr '\\0' '\\n' </proc/self/environ | sort | tail -n 1", {
      env: { PATH: "/usr/bin", OPENAI_API_KEY: "lease" },
    })
    const names = out
      .trim()
      .split("\n")
      .map((line) => line.split("=")[0])
    expect(new Set(names)).toEqual(
      new Set(["PATH", "OPENAI_API_KEY", "PWD", "_"].filter((n) => names.includes(n))),
    )
    expect(out).toContain("OPENAI_API_KEY=lease")
  })

  test("reaches the gateway and nothing else of the network", async () => {
    const script = `
      const get = (url) => fetch(url).then((r) => r.text(), (e) => e.cause?.code ?? String(e))
      console.log(await get("http://127.0.0.1:3210/openai/v1"), await get("http://127.0.0.1:8080/"))
      console.log(await get("http://192.0.2.1:8080/"))`
    const folder = path.dirname(process.execPath)
    const spec = rig.spec([process.execPath, "--input-type=module", "-e", script], {
      readOnly: [rig.program, folder],
    })
    expect((await runInBox(rig, spec)).out).toBe("gateway /openai/v1 ECONNREFUSED\nENETUNREACH\n")
  })

  test("reaches the egress proxy where it has one, and the probe says so (R2)", async () => {
    const socket = path.join(rig.folder, "egress.sock")
    const proxy = createServer((request, response) => response.end(`proxy ${request.url}`))
    await new Promise<void>((done) => proxy.listen(socket, done))
    onTestFinished(() => void proxy.close())
    const script = `
      const get = (port) => fetch("http://127.0.0.1:" + port + "/x").then((r) => r.text(), (e) => e.cause?.code)
      console.log(await get(3210), await get(3211), await get(3212))`
    const spec = rig.spec([process.execPath, "--input-type=module", "-e", script], {
      readOnly: [rig.program, path.dirname(process.execPath)],
      egressSocket: socket,
    })
    const ran = await runInBox(rig, spec)
    expect(ran.out).toBe("gateway /x proxy /x ECONNREFUSED\n")
    expect(ran.verdict.posture).toBe("measured")
    expect(ran.record.checks).toContainEqual(
      expect.objectContaining({ id: "egress.http", expect: "reached", outcome: "reached" }),
    )
  })

  test("is not measured where the egress proxy that it was promised is not reached (R2)", async () => {
    const socket = path.join(rig.folder, "silent.sock")
    const proxy = createNetServer((client) => client.destroy())
    await new Promise<void>((done) => proxy.listen(socket, done))
    onTestFinished(() => void proxy.close())
    const box = await open(rig.spec(["true"], { egressSocket: socket }))
    const { posture, reasons } = judgeIsolation(await box.runProbe(rig.targets))
    await box.refuse()
    expect({ posture, reasons }).toEqual({
      posture: "shared",
      reasons: ["egress.http was not reached"],
    })
  })

  test("has standard streams that can be opened by name", async () => {
    const ran = await sh(
      "cat /dev/stdin >/dev/stderr; echo out >/dev/stdout",
      {},
      "from the monitor\n",
    )
    expect(ran).toMatchObject({ code: 0, out: "out\n", err: "from the monitor\n" })
  })

  test("can open its stdin by name when that has ended already", async () => {
    expect(await sh("cat; cat /dev/stdin; echo out", {}, "in\n")).toMatchObject({
      out: "in\nout\n",
    })
  })

  test("takes nothing of the agent's stdin for itself", async () => {
    const input = Array.from({ length: 20_000 }, (_, line) => `line ${line}`).join("\n")
    const { out } = await sh("sha256sum", {}, input)
    expect(out.split(" ")[0]).toBe(createHash("sha256").update(input).digest("hex"))
  })

  test("hands no descriptor, ignored signal or child to the agent", async () => {
    const { out } = await sh(
      "ls /proc/self/fd | tr '\\n' ' '; grep -E 'Sig(Blk|Ign)' /proc/self/status; ls -d /proc/[0-9]* | wc -l",
    )
    const [fds, blocked, ignored, processes] = out.split("\n")
    expect(fds?.trim()).toMatch(/^0 1 2 3 SigBlk:\s0+$/)
    expect([blocked]).toEqual([expect.stringMatching(/^SigIgn:\s0+$/)])
    // bubblewrap's first process, sh, ls and wc
    expect(Number(ignored)).toBeLessThanOrEqual(4)
    expect(processes).toBe("")
  })

  test("keeps every secret out of command lines and of the run's folder", async () => {
    const box = await open(
      rig.spec(["true"], { env: { PATH: "/usr/bin", OPENAI_API_KEY: "lease-4711" } }),
    )
    const lines = readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .map((pid) => {
        try {
          return readFileSync(`/proc/${pid}/cmdline`, "latin1")
        } catch {
          return ""
        }
      })
    expect(lines.some((line) => line.includes("/run/amc/probe"))).toBe(true)
    expect(lines.some((line) => line.includes("lease-4711"))).toBe(false)
    await box.refuse()
  })
})

describe("the end", () => {
  test.each([
    { why: "success", script: "exit 0", code: 0 },
    { why: "a code of its own", script: "exit 7", code: 7 },
    { why: "a signal, as the shell spells it", script: "kill -SEGV $$", code: 139 },
  ])("passes on $why", async ({ script, code }) => {
    expect(await sh(script)).toMatchObject({ code, signal: null, timedOut: false })
  })

  test("leaves no process, folder or cgroup behind, not even children in the background", async () => {
    const box = await open(rig.spec(["sh", "-c", "setsid sleep 300 & echo started; sleep 300"]))
    const relayAndBox = (): number => processesNaming(rig.folder).length
    await box.runProbe(rig.targets)
    await box.go()
    await new Promise((done) => box.stdout.once("data", done))
    expect(relayAndBox()).toBeGreaterThan(0)
    await box.kill()
    expect(await until(() => relayAndBox() === 0 && startedAt(box.pid) === null, 5000)).toBe(true)
    expect(readdirSync(rig.targets.canaryFolder).sort()).toEqual(["ledger.db", "vault"])
    expect(onlyChild(box.pid)).toBeNull()
  })

  test("asks an agent first when its time is over", async () => {
    const ran = await sh("trap 'echo asked; exit 3' TERM; while :; do sleep 0.05; done", {
      limits: { ...rigLimits, pids: 128, timeoutMs: 150 },
    })
    expect(ran).toMatchObject({ code: 3, timedOut: true, out: "asked\n" })
  })

  test("forces an agent that does not listen", async () => {
    const ran = await sh("trap '' TERM; while :; do sleep 0.05; done", {
      limits: { ...rigLimits, pids: 128, timeoutMs: 100 },
    })
    expect(ran.timedOut).toBe(true)
    expect(ran.code === 137 || ran.signal === "SIGKILL").toBe(true)
  })

  test("never starts an agent that was refused", async () => {
    const spec = rig.spec(["sh", "-c", "echo ran >/workspace/ran"])
    const box = await open(spec)
    await box.runProbe(rig.targets)
    await box.refuse()
    expect(existsSync(path.join(spec.work, "ran"))).toBe(false)
  })
})

describe("the start", () => {
  test.each([
    { why: "a command that does not exist", command: ["no-such-command"], says: "ENOENT" },
    { why: "a file that is not a program", command: ["./task"], says: "EACCES" },
    { why: "a folder", command: ["/usr"], says: "EACCES" },
    { why: "no command", command: [], says: "EACCES" },
  ])("fails with 125 for $why", async ({ command, says }) => {
    const box = await open(rig.spec(command))
    await box.runProbe(rig.targets)
    await expect(box.go()).rejects.toMatchObject({
      code: "sandbox/start-failed",
      message: expect.stringContaining(says),
    })
    expect(await box.exited).toMatchObject({ code: 125 })
  })

  test("runs a script without an interpreter line by the shell", async () => {
    writeFileSync(path.join(rig.folder, "work", "script"), "echo script $1\n", { mode: 0o755 })
    expect((await runInBox(rig, rig.spec(["./script", "x"]))).out).toBe("script x\n")
  })

  test("says what bubblewrap said when the box can't be built", async () => {
    const spec = { ...rig.spec(["true"]), work: path.join(rig.folder, "not-there") }
    await expect(open(spec)).rejects.toMatchObject({
      code: "sandbox/start-failed",
      cause: expect.stringContaining("not-there"),
    })
  })

  test("refuses to mount what the agent's user can't name or read", async () => {
    await expect(async () =>
      open(rig.spec(["true"], { readOnly: ["relative"] })),
    ).rejects.toMatchObject({
      code: "usage/invalid",
    })
  })

  test("lets an agent that was killed count as gone", async () => {
    const box = await open(rig.spec(["cat"]))
    await box.runProbe(rig.targets)
    await box.go()
    const [ran] = await Promise.all([collect(box), box.kill()])
    expect(ran.timedOut).toBe(false)
  })
})

describe("the limits", () => {
  test("stop an agent that starts too many processes", async () => {
    const limits = { ...rigLimits, pids: 24, timeoutMs: 20_000 }
    const { err } = await sh("for i in $(seq 60); do sleep 5 & done", { limits })
    expect(err).toMatch(/fork/i)
  })

  test("stop an agent that takes too much memory, where a cgroup can be made", async () => {
    const limits = { ...rigLimits, memoryBytes: 128 * 1024 * 1024 }
    const { code, record } = await sh("head -c 300M /dev/zero | tail -n 1 >/dev/null", { limits })
    expect(code).toBe(record.outside["memory_limit_bytes"] === 0 ? 0 : 137)
  })

  test("let no file become larger than its limit", async () => {
    const limits = { ...rigLimits, fileBytes: 100_000 }
    const { err } = await sh("trap '' XFSZ; head -c 200000 /dev/zero >large; wc -c large >&2", {
      limits,
    })
    expect(err).toMatch(/too large[\s\S]*100000 large/i)
  })

  test("end an agent that fills the disk with many small files", async () => {
    const limits = { ...rigLimits, workBytes: 4_000_000 }
    const script = "i=0; while :; do i=$((i+1)); head -c 100000 /dev/zero >file$i; done"
    const { exceeded, timedOut } = await sh(script, { limits })
    expect({ exceeded, timedOut }).toEqual({
      exceeded: expect.stringMatching(/^the work folder has \d+ bytes and may have 4000000$/),
      timedOut: false,
    })
  })
})
