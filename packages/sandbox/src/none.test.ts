import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { text } from "node:stream/consumers"
import { expect, onTestFinished, test } from "vitest"
import { cleanEnvironment, spawnPlain } from "./none.ts"
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
