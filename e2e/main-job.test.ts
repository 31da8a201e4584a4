import { mkdtempSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test, vi } from "vitest"
import { amc, amcJson, clone, type Ended, type Envelope, run } from "./testing/amc.ts"
import { makeWorkspace, type TestWorkspace } from "./testing/workspace.ts"

const example = join(clone, "examples/coding-agent")
const claimed = ["SAO-02", "LA-05", "CA-12", "RES-01", "RES-06", "RES-09", "SK-02"]
const unseen = ["LA-04", "RES-10"]
const others = ["SAO-08", "SAO-10", "SAO-11", "LA-06", "CA-09", "RES-02"]

// Each test starts the program several times, which takes long on a machine that is busy otherwise.
vi.setConfig({ testTimeout: 180_000 })

let own: TestWorkspace
let scored: Envelope & Ended

/** `amc score` as `npm start` does it. */
function score(sessions: number): Promise<Envelope & Ended> {
  const who = ["--agent", "coder", "--provider", "scripted", "--sessions", `${sessions}`]
  const what = ["--work", join(example, "work"), "--claims", join(example, "claims.json")]
  const check = ["--check", `node ${join(example, "check/check.ts")}`]
  return amcJson(own, [
    "score",
    ...who,
    ...what,
    ...check,
    "--",
    "node",
    join(example, "src/main.ts"),
  ])
}

/** A machine with the program and one file: no home, no workspace, no network. */
async function elsewhere(bundle: string, args: readonly string[]): Promise<Ended> {
  const empty = mkdtempSync(join(own.top, "empty-"))
  const system = ["/bin", "/lib", "/lib64"].flatMap((path) => ["--symlink", `usr${path}`, path])
  const given = "/elsewhere/given.amcbundle"
  const seen = ["/usr", join(clone, "node_modules"), join(clone, "packages")]
  const box = [
    ["bwrap", "--unshare-all", "--clearenv"],
    ["--setenv", "PATH", "/usr/bin", "--setenv", "HOME", "/home"],
    ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/home"],
    ...seen.map((path) => ["--ro-bind", path, path]),
    system,
    ["--bind", empty, "/elsewhere", "--ro-bind", bundle, given, "--chdir", "/elsewhere", "--"],
  ].flat()
  return amc(own, ["bundle", "verify", "given.amcbundle", ...args], { through: box })
}

beforeAll(async () => {
  own = await makeWorkspace()
  scored = await score(3)
}, 240_000)

afterAll(() => own?.close())

test("scores the example agent in boxes whose walls were measured, and prints one object", () => {
  expect(scored).toMatchObject({
    exit: 0,
    schema: "amc.cli/v1",
    command: "score",
    ok: true,
    findings: [],
  })
  expect(Object.keys(JSON.parse(scored.stdout) as object)).toEqual([
    "schema",
    "command",
    "ok",
    "exit",
    "data",
    "findings",
  ])
  expect(scored.data).toMatchObject({
    root: own.root,
    report: {
      schema: "amc.report/v1",
      agent: "coder",
      status: "VALID",
      posture: "measured",
      trust_label: "LOW TRUST",
      sessions: { opened: 3, sealed: 3, exposed: 3, counted: 3, days: 1 },
      upstreams: [{ provider: "scripted", loopback: true }],
    },
  })
  expect(scored.stderr.match(/agent exit 0, posture measured, check passed/g)).toHaveLength(3)
})

test("rates every question on what was seen, beside the claims, and a first day ends at level 1", () => {
  const { report } = scored.data
  const levels = Object.fromEntries(
    report.questions.map(({ id, level }: { id: string; level: unknown }) => [id, level]),
  )
  expect(Object.keys(levels).sort()).toEqual([...claimed, ...unseen, ...others].sort())
  for (const id of [...claimed, ...others])
    expect([id, [0, 1].includes(levels[id])]).toEqual([id, true])
  // Nothing was refused and no provider failed, so nobody can tell.
  for (const id of unseen) expect([id, levels[id]]).toEqual([id, "U"])
  expect(levels).toMatchObject({ "SAO-02": 1, "RES-06": 1, "RES-09": 1, "SK-02": 1 })
  const claims = report.questions.filter((each: { claimed: unknown }) => each.claimed !== null)
  expect(claims.map(({ id, claimed: to }: { id: string; claimed: number }) => [id, to])).toEqual(
    claimed.map((id) => [id, 5]),
  )
  expect(report.layers).toHaveLength(5)
  expect(report.claim_gap.max).toBeGreaterThanOrEqual(4)
})

test("shows a person status, posture and label first, then claimed beside shown", async () => {
  const { exit, stdout } = await amc(own, ["run", "show", scored.data.report.run_id])
  expect(exit).toBe(0)
  expect(stdout.split("\n", 1)[0]).toMatch(/^coder {2}VALID {2}posture measured {2}LOW TRUST/)
  expect(stdout).toMatch(/SAO-02 +Nothing runs dark +shown 1, claimed 5/)
  expect(stdout).toContain("The way up")
})

test("gives a bundle that a machine with nothing but the file and the root accepts", async () => {
  const { exit, stdout, stderr } = await elsewhere(scored.data.bundle, ["--root", own.root])
  expect({ exit, stderr }).toEqual({ exit: 0, stderr: "" })
  expect(stdout).toMatch(/^given.amcbundle: accepted; \d+ events of agent coder/)
  const json = await elsewhere(scored.data.bundle, ["--root", own.root, "--json"])
  expect(JSON.parse(json.stdout).data.report).toEqual(scored.data.report)
})

test("has the same bundle refused under another root, in plain words", async () => {
  const other = `sha256:${"ab".repeat(32)}`
  const { exit, stdout, stderr } = await elsewhere(scored.data.bundle, ["--root", other])
  expect({ exit, said: stdout.split("\n")[0] }).toEqual({
    exit: 1,
    said: "given.amcbundle: REJECTED",
  })
  expect(stdout).toMatch(/^NO {2}signer {8}trust\/roots\/1.json: /m)
  expect(stdout).not.toMatch(/^ok/m)
  expect(stderr).toMatch(/root/)
  const json = await elsewhere(scored.data.bundle, ["--root", other, "--json"])
  expect(JSON.parse(json.stdout)).toMatchObject({
    ok: false,
    exit: 1,
    data: null,
    findings: [{ code: expect.stringMatching(/^[a-z]+\/[a-z-]+$/) }],
  })
})

test("asks for a root where none is pinned, and for a bundle that is there", async () => {
  expect(await elsewhere(scored.data.bundle, [])).toMatchObject({
    exit: 2,
    stderr: expect.stringContaining("next: ask the owner"),
  })
  expect(await amcJson(own, ["bundle", "verify", "none.amcbundle"])).toMatchObject({
    exit: 3,
    findings: [{ code: "input/unreadable" }],
  })
})

test("rebuilds the run byte for byte, and finds the whole workspace as it was written", async () => {
  const { report } = scored.data
  const rebuilt = await amcJson(own, ["run", "verify", report.run_id])
  expect(rebuilt).toMatchObject({
    exit: 0,
    ok: true,
    data: { run_id: report.run_id, agent: "coder" },
  })
  const bundled = ["run", "verify", scored.data.bundle, "--root", own.root]
  expect(await amcJson(own, bundled)).toMatchObject({ exit: 0, data: rebuilt.data })
  const other = ["run", "verify", scored.data.bundle, "--root", `sha256:${"ab".repeat(32)}`]
  expect(await amcJson(own, other)).toMatchObject({ exit: 1, data: null })
  expect(await amcJson(own, ["verify"])).toMatchObject({ exit: 0, data: { sessions: 3, runs: 1 } })
  const stored = JSON.parse(
    readFileSync(join(own.dir, "runs", report.run_id, "report.json"), "utf8"),
  )
  expect(stored).toEqual(report)
})

test("a second score adds to what is there", async () => {
  const again = await score(1)
  expect(again).toMatchObject({
    exit: 0,
    data: { report: { status: "VALID", sessions: { opened: 4, sealed: 4 } } },
  })
  expect(again.data.bundle).not.toBe(scored.data.bundle)
  const listed = await amcJson(own, ["run", "list", "--agent", "coder"])
  expect(listed.data.runs.map(({ run_id }: { run_id: string }) => run_id)).toEqual([
    scored.data.report.run_id,
    again.data.report.run_id,
  ])
  expect(await amcJson(own, ["verify"])).toMatchObject({ exit: 0, data: { sessions: 4, runs: 2 } })
  expect(await amcJson(own, ["run", "verify", scored.data.report.run_id])).toMatchObject({
    exit: 0,
  })
})

test("exports the first run again, and overwrites no file", async () => {
  const { report, bundle } = scored.data
  const words = ["bundle", "export", "--agent", "coder", "--run", report.run_id, "--out"]
  const out = join(own.top, "again.amcbundle")
  expect(await amcJson(own, [...words, out])).toMatchObject({
    exit: 0,
    data: { file: out, root: own.root },
  })
  expect(await elsewhere(out, ["--root", own.root])).toMatchObject({ exit: 0 })
  expect(await amcJson(own, [...words, bundle])).toMatchObject({
    exit: 2,
    findings: [{ code: "usage/invalid" }],
  })
})

test("runs from the clone by npx, with nothing to install", async () => {
  const { exit, stdout } = await run(["npx", "--no-install", "amc", "--version"], {
    cwd: clone,
    env: own.env,
  })
  expect({ exit, stdout }).toEqual({ exit: 0, stdout: "0.1.0\n" })
})
