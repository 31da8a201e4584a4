import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { text } from "node:stream/consumers"
import { judgeIsolation } from "@amc/core"
import { describe, expect, onTestFinished, test } from "vitest"
import type { ProbeTargets } from "./checks.ts"
import { probeInside } from "./inside.ts"
import { cleanEnvironment, type ProbedAgent, spawnPlain, spawnProbed } from "./none.ts"
import { probeBinary } from "./probe-binary.ts"
import { collect } from "./testing/rig.ts"

const plain = (command: readonly string[], timeoutMs = 20_000) =>
  spawnPlain({ command, cwd: "/", env: { PATH: "/usr/bin:/bin" }, timeoutMs })

test("an inherited environment holds what is listed and no secret", () => {
  const own = {
    PATH: "/bin",
    HOME: "/h",
    LANG: "C",
    LC_ALL: "C",
    TERM: "x",
    TMPDIR: "/t",
    EMPTY: undefined,
    AMC_VAULT_PASSPHRASE: "x",
    OPENAI_API_KEY: "x",
    GH_TOKEN: "x",
    SSH_AUTH_SOCK: "x",
    LD_PRELOAD: "x",
    NODE_OPTIONS: "x",
  }
  expect(cleanEnvironment(own, { OPENAI_API_KEY: "lease", HOME: "/other" })).toEqual({
    PATH: "/bin",
    HOME: "/other",
    LANG: "C",
    LC_ALL: "C",
    TERM: "x",
    TMPDIR: "/t",
    OPENAI_API_KEY: "lease",
  })
})

test("AMC's own names can't be given", () => {
  expect(() => cleanEnvironment({}, { AMC_X: "1" })).toThrow(
    expect.objectContaining({ code: "usage/invalid" }),
  )
})

test("a plain process has its streams, its environment and its code", async () => {
  const agent = await plain([
    "sh",
    "-c",
    "cat; env | grep -v -E '^(PWD|SHLVL|_)='; echo e >/dev/stderr; exit 7",
  ])
  expect(await collect(agent, "in\n")).toEqual({
    code: 7,
    signal: null,
    outOfMemory: false,
    timedOut: false,
    out: "in\nPATH=/usr/bin:/bin\n",
    err: "e\n",
  })
})

test("a signal is told, and children go with their parent", async () => {
  const agent = await plain(["sh", "-c", "sleep 300 & kill -9 $$"])
  expect(await collect(agent)).toMatchObject({ code: null, signal: "SIGKILL", timedOut: false })
})

test("the time limit ends it", async () => {
  expect(await collect(await plain(["sleep", "300"], 50))).toMatchObject({
    signal: "SIGTERM",
    timedOut: true,
  })
})

test("a command that is not there can't be started", async () => {
  await expect(plain(["no-such-command"])).rejects.toMatchObject({ code: "sandbox/start-failed" })
})

/** A script that leaves a process of another group behind, with the output in its hands, and knows its pid. */
function leaving(command: string): { script: string; end: () => void } {
  const folder = mkdtempSync(path.join(tmpdir(), "amc-test-"))
  const file = path.join(folder, "pid")
  const left = `setsid sh -c 'echo $$ >${file}; exec ${command}' &`
  const end = (): void => {
    const pid = Number(readFileSync(file, "utf8"))
    rmSync(folder, { recursive: true })
    try {
      if (pid > 1) process.kill(pid)
    } catch {
      // A pipe that nobody reads has ended it.
    }
  }
  return { script: `${left} until [ -s ${file} ]; do sleep 0.02; done`, end }
}

test.each([
  { why: "does nothing", command: "sleep 300" },
  { why: "goes on writing", command: "yes" },
])("a process left behind that $why does not hold up the end", async ({ command }) => {
  const { script, end } = leaving(command)
  onTestFinished(end)
  const { out, code, timedOut } = await collect(await plain(["sh", "-c", `echo first; ${script}`]))
  expect({ code, timedOut, first: out.slice(0, 6) }).toEqual({
    code: 0,
    timedOut: false,
    first: "first\n",
  })
})

test("all that was written comes through to a late reader, though the output is held open", async () => {
  const { script, end } = leaving("sleep 300")
  onTestFinished(end)
  const agent = await plain(["sh", "-c", `head -c 150000 /dev/zero; ${script}`])
  agent.stdin.end()
  await text(agent.stderr)
  expect(await text(agent.stdout)).toHaveLength(150_000)
})

describe("a probed process with no box", () => {
  const targetsOf = (folder: string): ProbeTargets => {
    for (const name of ["vault", "ledger"]) writeFileSync(path.join(folder, name), "x")
    const files = { vault: path.join(folder, "vault"), ledger: path.join(folder, "ledger") }
    return { files, sockets: {}, ports: {}, canaryFolder: folder }
  }
  const temporary = (): string => {
    const folder = mkdtempSync(path.join(tmpdir(), "amc-test-"))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    return folder
  }
  const probed = (folder: string, command: readonly string[]): Promise<ProbedAgent> =>
    spawnProbed({
      command,
      cwd: folder,
      env: { PATH: "/usr/bin:/bin", GIVEN: "1" },
      timeoutMs: 20_000,
    })

  test("says what the agent will reach, and becomes the agent", async () => {
    const folder = temporary()
    const agent = await probed(folder, ["sh", "-c", "pwd; env | grep GIVEN; cat; exit 7"])
    const place = { gateway: { host: "127.0.0.1", port: 1 }, walkRoot: folder }
    const record = await agent.runProbe(targetsOf(folder), place)
    await agent.go()
    expect(await collect(agent, "in\n")).toMatchObject({
      code: 7,
      out: `${folder}\nGIVEN=1\nin\n`,
      err: "",
    })
    const { posture, reasons } = judgeIsolation(record)
    expect(posture).toBe("shared")
    expect(reasons).toEqual(
      expect.arrayContaining([
        "file.vault was reached",
        "file.canary was reached",
        "walk.canary was reached",
        "process.memory was reached",
        "the pid namespace is the monitor's",
      ]),
    )
    expect(readdirSync(folder).sort()).toEqual(["ledger", "vault"])
  })

  test("that finds no command is not started", async () => {
    const folder = temporary()
    const agent = await probed(folder, ["no-such-command"])
    const place = { gateway: { host: "127.0.0.1", port: 1 }, walkRoot: folder }
    await agent.runProbe(targetsOf(folder), place)
    await expect(agent.go()).rejects.toMatchObject({ code: "sandbox/start-failed" })
    expect(await agent.exited).toMatchObject({ code: 125 })
  })
})

test("from inside alone, what a process here can do is told by its own account", async () => {
  const { checks, inside, probe_sha256 } = await probeInside({ AMC_VAULT_TOKEN: "x" }, false)
  expect(checks.find(({ id }) => id === "env.secrets")?.outcome).toBe("reached")
  expect(checks.some(({ id }) => id.startsWith("internet."))).toBe(false)
  expect(new Set(checks.map(({ id }) => id)).size).toBe(checks.length)
  expect(checks.length).toBeGreaterThan(25)
  expect(inside).toMatchObject({ uid: process.getuid?.(), seccomp: expect.any(Number) })
  expect(probe_sha256).toBe(probeBinary().sha256)
})
