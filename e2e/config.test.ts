import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { amc, amcJson } from "./testing/amc.ts"
import { makeWorkspace, type TestWorkspace } from "./testing/workspace.ts"

let own: TestWorkspace

/** A workspace with one session of an agent: the evidence that all runs below are about. */
beforeAll(async () => {
  own = await makeWorkspace()
  own.write(
    "agent.mjs",
    'await fetch(process.env.OPENAI_BASE_URL + "/models", { headers: { authorization: "Bearer " + process.env.OPENAI_API_KEY } })',
  )
  const words = ["score", "--agent", "a", "--provider", "scripted", "--sessions", "1", "--"]
  const { exit, stderr } = await amcJson(own, [...words, "node", "agent.mjs"])
  expect(exit, stderr).toBe(0)
}, 240_000)

afterAll(async () => {
  await own?.close()
})

const limits = "{max_calls: 50, max_seconds: 60, memory_mib: 512, pids: 64}"
const roots = JSON.stringify([`sha256:${"ab".repeat(32)}`])

/** The files that nobody has to have, as an owner writes them first. */
const files: readonly { path: string; text: string }[] = [
  { path: "fleet.yaml", text: "v: 1\nagents: [{id: a}]\n" },
  { path: "users.yaml", text: "v: 1\nusers: [{name: ann, role: OWNER}]\n" },
  {
    path: "gatePolicy.json",
    text: `{"v":1,"id":"release","producerRoots":${roots},"requireObservedForLevel5":true,"denyIfLowTrust":false}\n`,
  },
  { path: "targets/next.yaml", text: "v: 1\nagent: a\nlayers: {Skills: 3}\n" },
  { path: "retention.yaml", text: "v: 1\ndays: {llm_request: 30}\n" },
  { path: "agents/b/agent.config.yaml", text: `v: 1\nagent: b\nlimits: ${limits}\n` },
]

interface Standing {
  readonly caps: readonly unknown[]
  readonly integrity: number
  readonly label: string
  readonly verify: number | null
  readonly run: string
}

/** What the same evidence comes to with the config files as they are. */
async function scored(): Promise<Standing> {
  const { data, exit, stderr } = await amcJson(own, ["run", "--agent", "a"])
  expect(exit, stderr).toBe(0)
  const { questions, integrity_index: integrity, trust_label: label, run_id: run } = data.report
  const caps = questions.map(({ cap }: { cap: { level: number } | null }) => cap?.level ?? null)
  return {
    caps: [...new Set(caps)],
    integrity,
    label,
    run,
    verify: (await amc(own, ["verify"])).exit,
  }
}

const free = { caps: [null], integrity: 80, label: "LOW TRUST", verify: 0 }
const unsigned = { caps: [3], integrity: 60, label: "LOW TRUST", verify: 1 }
const forged = { caps: [3], integrity: 40, label: "UNRELIABLE", verify: 4 }

/** How each file stands, in one look, and with what `amc config verify` ends. */
async function states(): Promise<{ exit: number | null; of: Readonly<Record<string, string>> }> {
  const { data, exit } = await amcJson(own, ["config", "verify"])
  const found = data.files as readonly { path: string; state: string }[]
  return { exit, of: Object.fromEntries(found.map(({ path, state }) => [path, state])) }
}

async function sign(...paths: readonly string[]): Promise<void> {
  const { exit, stderr } = await amcJson(own, ["config", "sign", ...paths])
  expect(exit, stderr).toBe(0)
}

const all = [
  "amc.config.yaml",
  "gateway.yaml",
  "agents/a/agent.config.yaml",
  ...files.map(({ path }) => path),
]

/** The bytes and the signature of each file, as they are now. */
function keep(): readonly (readonly [string, Uint8Array])[] {
  const names = all.flatMap((path) => [path, `${path}.sig`])
  return names.map((name) => [name, readFileSync(join(own.dir, name))] as const)
}

function restore(kept: ReturnType<typeof keep>): void {
  for (const [name, bytes] of kept) writeFileSync(join(own.dir, name), bytes)
}

function edit(path: string): void {
  writeFileSync(join(own.dir, path), `${readFileSync(join(own.dir, path), "utf8")}\n`)
}

let first: ReturnType<typeof keep>

test("F2: the same evidence with files that were never signed, then signed", async () => {
  expect(await scored()).toMatchObject(free)
  for (const { path, text } of files) {
    mkdirSync(dirname(join(own.dir, path)), { recursive: true })
    writeFileSync(join(own.dir, path), text)
  }
  const { exit, of } = await states()
  expect(exit).toBe(1)
  for (const { path } of files) expect(of[path], path).toBe("unsigned")
  expect(await scored()).toMatchObject(unsigned)
  await sign()
  expect(await scored()).toMatchObject(free)
  first = keep()
  for (const path of all) edit(path)
  await sign(...all)
  expect(new Set(Object.values((await states()).of))).toEqual(new Set(["ok"]))
  expect(await scored()).toMatchObject(free)
}, 240_000)

test.each([
  { id: "F2", why: "edited", state: "invalid", harm: () => all.forEach(edit) },
  {
    id: "F2",
    why: "without their signatures",
    state: "invalid",
    harm: () => all.forEach((path) => rmSync(join(own.dir, `${path}.sig`))),
  },
  { id: "S16", why: "rolled back", state: "superseded", harm: () => restore(first) },
])(
  "$id: the same evidence with files of every kind $why, restored, and signed again",
  async ({ state, harm }) => {
    const kept = keep()
    harm()
    const { exit, of } = await states()
    expect(exit).toBe(4)
    for (const path of all) expect(of[path], path).toBe(state)
    expect(await scored()).toMatchObject(forged)
    restore(kept)
    expect(await scored(), "not signed again").toMatchObject({ ...forged, verify: 0 })
    await sign()
    expect(await scored()).toMatchObject(free)
  },
  240_000,
)

test("S15: the same evidence with another signed file in each file's place", async () => {
  const kept = keep()
  const unread = all.slice(2)
  for (const path of unread)
    for (const end of ["", ".sig"])
      copyFileSync(join(own.dir, `gateway.yaml${end}`), join(own.dir, `${path}${end}`))
  const { exit, of } = await states()
  expect(exit).toBe(4)
  for (const path of unread) expect(of[path], path).toBe("invalid")
  expect(await scored()).toMatchObject(forged)
  restore(kept)
  await sign()
  expect(await scored()).toMatchObject(free)
}, 240_000)

test("a repaired run can be handed to others, with what the auditor signed of every change", async () => {
  const { run } = await scored()
  const out = join(own.top, "repaired.amcbundle")
  const exported = await amcJson(own, [
    "bundle",
    "export",
    "--agent",
    "a",
    "--run",
    run,
    "--out",
    out,
  ])
  expect(exported.exit, exported.stderr).toBe(0)
  expect(await amcJson(own, ["bundle", "verify", out, "--root", own.root])).toMatchObject({
    exit: 0,
  })
  const { data } = await amcJson(own, ["bundle", "inspect", out])
  const names = data.files.map(({ path }: { path: string }) => path)
  expect(names.filter((name: string) => name.startsWith("changes/")).length).toBeGreaterThan(20)
  expect(names.filter((name: string) => /users|fleet|agents\/b/.test(name))).toEqual([])
})

test.each([
  { words: ["config", "sign", "other.yaml"], exit: 2, said: /no config file/ },
  { words: ["config", "sign", "users.yaml", "--expires", "0"], exit: 2, said: /whole number/ },
  { words: ["config", "verify", "../gateway.yaml"], exit: 2, said: /no config file/ },
  { words: ["config", "verify", "targets/none.yaml"], exit: 1, said: /config\/missing/ },
  { words: ["config", "sign", "targets/none.yaml"], exit: 3, said: /can't be read/ },
  { words: ["config", "show", "other"], exit: 2, said: /there is no config/ },
  { words: ["config", "schema", "other"], exit: 2, said: /there is no config/ },
])("amc $words ends with $exit", async ({ words, exit, said }) => {
  const ended = await amc(own, words)
  expect(ended.exit, ended.stderr).toBe(exit)
  expect(ended.stdout + ended.stderr).toMatch(said)
})

test("a file is signed as it is shown, and a dry run signs nothing", async () => {
  const file = join(own.dir, "users.yaml")
  copyFileSync(file, join(own.top, "users.yaml"))
  writeFileSync(file, readFileSync(file, "utf8").replace("OWNER", "VIEWER"))
  const dry = await amc(own, ["config", "sign", "--dry-run"])
  expect(dry).toMatchObject({ exit: 0, stdout: "1 file would be signed\n" })
  expect(dry.stderr).toMatch(/users\.yaml {2}version \d+ {2}sha256 [0-9a-f]{64}\n/)
  expect(dry.stderr).toMatch(/- users: .*OWNER.*\n.*\+ users: .*VIEWER/)
  expect((await states()).of["users.yaml"]).toBe("invalid")
  const done = await amc(own, ["config", "sign", "--expires", "30"])
  expect(done).toMatchObject({ exit: 0, stdout: "1 file signed\n" })
  expect(done.stderr).toMatch(/expires \d{4}-\d\d-\d\d/)
  expect((await states()).of["users.yaml"]).toBe("ok")
  expect((await amc(own, ["config", "sign"])).stdout).toMatch(/nothing lacks a signature/)
  const { stdout } = await amc(own, ["config", "show", "users", "--origin"])
  expect(stdout).toMatch(/users\.0\.role = "VIEWER" {2}\(users\.yaml, version \d+, signed\)/)
  expect((await amc(own, ["config", "show"])).stdout).toMatch(/trustBoundaryMode = \(not set\)\n/)
})

test("the schema that is printed is the published one", async () => {
  const { stdout } = await amc(own, ["config", "schema", "users"])
  const published = new URL("../spec/schemas/users.schema.json", import.meta.url)
  expect(stdout).toBe(readFileSync(published, "utf8"))
})
