import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { consistencyPath, encodeAddCheckpoint, fromHex } from "@amc/core"
import { afterAll, beforeAll, expect, test } from "vitest"
import { bundleOf, makeRun, openRun, partsOf } from "../packages/verify/src/bundle.fixture.ts"
import { recordSession } from "../packages/verify/src/lane.fixture.ts"
import { makeWorld } from "../packages/verify/src/world.fixture.ts"
import { clone, type Ended, run } from "./testing/amc.ts"

const program = join(clone, "packages/verifier/bin/amc-verify.js")
const world = makeWorld()
const root = `sha256:${world.rootSha256}`
const atOnce = ["--at", "2026-06-01"]
let top: string
let [older, newer, stranger] = ["", "", ""]
let sizes: readonly number[] = []
let treeProof: Uint8Array

beforeAll(async () => {
  top = mkdtempSync(join(tmpdir(), "amc-verify-"))
  const first = makeRun(world)
  older = await written("older", bundleOf(partsOf(first), world))
  const before = first.lane.leaves.length
  recordSession(first.lane, "s-later")
  const second = { ...first, runOpened: openRun(first.lane, "run-2") }
  newer = await written("newer", bundleOf(partsOf(second), world))
  sizes = [before, first.lane.leaves.length]
  treeProof = encodeAddCheckpoint({
    oldSize: before,
    path: consistencyPath(
      first.lane.leaves.map(({ hash }) => fromHex(hash)),
      before,
    ),
    note: first.lane.checkpoint(world.signers.ledger),
  })
  const mallory = makeWorld("mallory")
  stranger = await written("stranger", bundleOf(partsOf(makeRun(mallory)), mallory))
})

afterAll(() => rmSync(top, { recursive: true, force: true }))

async function written(name: string, bytes: Promise<Uint8Array>): Promise<string> {
  const file = join(top, `${name}.amcbundle`)
  writeFileSync(file, await bytes)
  return file
}

/** The program as it is shipped, with nothing of the surroundings. */
function verify(words: readonly string[], through: readonly string[] = []): Promise<Ended> {
  const memory = words.includes("--memory") ? [] : ["--no-memory"]
  const command = [...through, process.execPath, program, ...words, ...memory]
  return run(command, { cwd: top, env: { PATH: "/usr/bin:/bin:/usr/sbin", HOME: top } })
}

test("accepts a genuine bundle with a line for each question", async () => {
  const { exit, stdout, stderr } = await verify([older, "--root", root, ...atOnce])
  expect([exit, stderr]).toEqual([0, ""])
  expect([...stdout.matchAll(/^ok {2}(\S+)/gm)].map(([, aspect]) => aspect)).toEqual([
    "integrity",
    "signer",
    "time",
    "completeness",
    "redactions",
    "score",
  ])
  const told = JSON.parse((await verify([older, "--root", root, ...atOnce, "--json"])).stdout)
  expect(told).toMatchObject({ ok: true, exit: 0, data: { run_id: "run-1" }, findings: [] })
})

test.each([
  { why: "an attacker's own", file: () => stranger, exit: 1, code: "bundle/unknown-root" },
  { why: "a cut one", file: () => cut(1000), exit: 1, code: "bundle/malformed" },
  { why: "an empty file", file: () => cut(0), exit: 1, code: "bundle/malformed" },
  { why: "a changed one", file: () => changed(), exit: 4, code: "bundle/digest-mismatch" },
  { why: "none", file: () => join(top, "none"), exit: 3, code: "input/unreadable" },
  { why: "a folder", file: () => top, exit: 3, code: "input/unreadable" },
  { why: "a device", file: () => "/dev/zero", exit: 3, code: "input/unreadable" },
])("refuses $why and gives nothing of it away (B06)", async ({ file, exit, code }) => {
  const ended = await verify([file(), "--root", root, ...atOnce, "--json"])
  expect(ended.exit).toBe(exit)
  const told = JSON.parse(ended.stdout)
  expect(told).toMatchObject({ ok: false, exit, data: null })
  expect(told.findings.map((finding: { code: string }) => finding.code)).toContain(code)
})

function cut(length: number): string {
  const file = join(top, `cut-${length}`)
  writeFileSync(file, readFileSync(older).subarray(0, length))
  return file
}

function changed(): string {
  const bytes = readFileSync(older)
  bytes[bytes.indexOf('"agent":"coder"', bytes.indexOf("run/report.json\0")) + 10]! ^= 1
  writeFileSync(join(top, "changed"), bytes)
  return join(top, "changed")
}

test("asks for a root, since nothing that is in a bundle is one", async () => {
  expect(await verify([older])).toMatchObject({ exit: 2, stdout: "" })
  expect((await verify(["--help"])).stdout).toContain("Exit codes")
})

test("remembers the trees that it saw, and refuses another history (L12)", async () => {
  const memory = ["--memory", join(top, "memory"), "--json", ...atOnce]
  const seen = async (file: string): Promise<{ exit: number; told: Record<string, never> }> => {
    const { exit, stdout } = await verify([file, "--root", root, ...memory])
    return { exit: exit ?? -1, told: JSON.parse(stdout) }
  }
  expect((await seen(older)).told).toMatchObject({ data: { checkpoints: { seen: 0 } } })
  expect((await seen(newer)).told).toMatchObject({
    exit: 0,
    data: { checkpoints: { seen: 1, extended: 1 } },
  })
  const other = await written("other", bundleOf(partsOf(makeRun(world, 3)), world))
  expect(await seen(other)).toMatchObject({
    exit: 4,
    told: { findings: [{ code: "ledger/forked" }] },
  })
  expect(readdirSync(join(top, "memory"))).toEqual([`${world.rootSha256}.json`])
})

test("says of an older bundle that it is older, until a proof shows that it is of one history", async () => {
  const fresh = (words: readonly string[]): Promise<Ended> =>
    verify([...words, "--root", root, ...atOnce, "--memory", join(top, "fresh"), "--json"])
  expect((await fresh([newer])).exit).toBe(0)
  const refused = await fresh([older])
  expect([refused.exit, JSON.parse(refused.stdout).findings]).toEqual([
    1,
    [
      {
        code: "ledger/not-extended",
        subject: "checkpoint",
        detail: expect.stringContaining(`'amc ledger prove --from ${sizes[0]} --to ${sizes[1]}'`),
        tampered: false,
      },
    ],
  ])
  const proof = join(top, "trees.proof")
  writeFileSync(proof, treeProof)
  expect((await fresh([older, "--proof", proof])).exit).toBe(0)
  expect((await fresh([older])).exit).toBe(0)
  writeFileSync(proof, "old 1\n")
  expect((await fresh([newer, "--proof", proof])).exit).toBe(1)
})

const canUnshare = process.getuid?.() === 0 && existsSync("/usr/bin/unshare")

test.skipIf(!canUnshare)(
  "verifies in a network namespace that has no route, not even loopback",
  async () => {
    const lonely = ["/usr/bin/unshare", "-n"]
    const routes = await run([...lonely, "cat", "/proc/net/route"], { cwd: top, env: {} })
    expect(routes.stdout.trim().split("\n")).toHaveLength(1)
    const { exit, stdout } = await verify([older, "--root", root, ...atOnce], lonely)
    expect(exit, stdout).toBe(0)
  },
)

test("opens no socket, resolves no name, and starts no process or thread", async () => {
  const guard = join(top, "guard.mjs")
  writeFileSync(
    guard,
    `import { createRequire, syncBuiltinESMExports } from "node:module"
     const require = createRequire("file:///")
     const refuse = (what) => () => { process.stderr.write("USED " + what); process.exit(99) }
     const all = { net: ["connect", "createConnection", "createServer"], dgram: ["createSocket"], dns: ["lookup", "resolve"],
       http: ["request", "get"], https: ["request", "get"], tls: ["connect"], child_process: ["spawn", "exec", "execFile", "fork", "spawnSync"] }
     for (const [module, names] of Object.entries(all)) for (const name of names) require("node:" + module)[name] = refuse(module + "." + name)
     require("node:net").Socket.prototype.connect = refuse("Socket.connect")
     require("node:worker_threads").Worker = class { constructor() { refuse("Worker")() } }
     globalThis.fetch = refuse("fetch"); globalThis.WebSocket = refuse("WebSocket")
     syncBuiltinESMExports()`,
  )
  const importing = ["--import", pathToFileURL(guard).href]
  const env = { PATH: "/usr/bin", HOME: top }
  const words = [program, older, "--root", root, "--no-memory", ...atOnce]
  const guarded = await run([process.execPath, ...importing, ...words], { cwd: top, env })
  expect([guarded.exit, guarded.stderr]).toEqual([0, ""])
  const probe = ["-e", "fetch('http://127.0.0.1:1')"]
  const caught = await run([process.execPath, ...importing, ...probe], { cwd: top, env })
  expect([caught.exit, caught.stderr]).toEqual([99, "USED fetch"])
})

test("is one file that loads nothing but what Node brings", () => {
  const source = readFileSync(join(clone, "packages/verifier/dist/amc-verify.js"), "utf8")
  const imports = [...source.matchAll(/^import\b[^"']*["']([^"']+)["']/gm)].map(([, from]) => from)
  expect(imports.length).toBeGreaterThan(2)
  expect(imports.filter((from) => !/^(?:node:)?[a-z/]+$/u.test(from ?? ""))).toEqual([])
  expect(source).not.toMatch(/\.node["']|better-sqlite3|bindings/)
})
