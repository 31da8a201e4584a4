import { text } from "node:stream/consumers"
import { expect, test } from "vitest"
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

test("a process left behind with the output in its hands does not hold up the end", async () => {
  const agent = await plain([
    "sh",
    "-c",
    "setsid sh -c 'echo $$ >&2; exec sleep 300' & sleep 0.2; echo last",
  ])
  const { err, ...ran } = await collect(agent)
  expect(ran).toMatchObject({ code: 0, out: "last\n", timedOut: false })
  process.kill(Number(err))
})

test("a process left behind that goes on writing does not hold up the end", async () => {
  const agent = await plain(["sh", "-c", "setsid sh -c 'echo $$ >&2; exec yes' & sleep 0.2"])
  const { err, code } = await collect(agent)
  expect(code).toBe(0)
  try {
    process.kill(Number(err))
  } catch {
    // A pipe that nobody reads has ended it.
  }
})

test("all that was written comes through to a late reader, though the output is held open", async () => {
  const agent = await plain([
    "sh",
    "-c",
    "head -c 150000 /dev/zero; setsid sh -c 'echo $$ >&2; exec sleep 300' & sleep 0.2",
  ])
  agent.stdin.end()
  const pid = Number(await text(agent.stderr))
  expect(await text(agent.stdout)).toHaveLength(150_000)
  process.kill(pid)
})
