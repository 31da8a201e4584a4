import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { dirname, join } from "node:path"
import { afterAll, beforeAll, expect, test, vi } from "vitest"
import { amc, amcJson, clone, type Ended, run } from "./testing/amc.ts"
import { eventsOf } from "./testing/evidence.ts"
import { makePlace } from "./testing/place.ts"
import { startUpstream, type Upstream } from "./testing/upstream.ts"
import { addProvider, makeWorkspace, type TestWorkspace } from "./testing/workspace.ts"

const client = ["--", "node", join(clone, "e2e/agents/bad-client.ts")]

vi.setConfig({ testTimeout: 180_000 })

let own: TestWorkspace
let plain: Upstream

beforeAll(async () => {
  own = await makeWorkspace()
  plain = await startUpstream((_, response) => void response.writeHead(200).end("{}"))
  await addProvider(own, "plain", plain)
}, 240_000)

afterAll(async () => {
  await plain?.close()
  await own?.close()
})

function editGateway(change: (text: string) => string): string {
  const file = join(own.dir, "gateway.yaml")
  const before = readFileSync(file, "utf8")
  writeFileSync(file, change(before))
  return before
}

function boxed(...words: readonly string[]): Promise<Ended> {
  return amc(own, ["sandbox", "run", "--provider", "plain", ...words])
}

test("an edited gateway.yaml is forwarded by, and its upstream never sees a key", async () => {
  const elsewhere = await startUpstream((_, response) => void response.writeHead(200).end("{}"))
  const before = editGateway((text) => text.replace(plain.origin, elsewhere.origin))
  try {
    const words = ["--provider", "plain", ...client, "call"]
    // A verifier would reject the bundle of such a score, so none is written.
    const commands = [
      { command: ["sandbox", "run"], exit: 0 },
      { command: ["wrap"], exit: 0 },
      { command: ["score", "--sessions", "1"], exit: 3 },
    ]
    for (const { command, exit } of commands) {
      const ended = await amc(own, [...command, ...words])
      expect(ended.exit, ended.stderr).toBe(exit)
      expect(ended.stderr).toMatch(
        /warning: gateway.yaml.*no provider gets its key.*amc config sign gateway.yaml/,
      )
    }
    expect(elsewhere.arrived).toHaveLength(3)
    for (const { headers, body } of elsewhere.arrived) {
      expect(JSON.stringify(headers)).not.toContain(own.providerKey)
      expect(headers.authorization).toBeUndefined()
      expect(body.toString()).not.toContain(own.providerKey)
    }
    const { data } = await amcJson(own, ["provider", "list"])
    expect(data.providers).toContainEqual(expect.objectContaining({ id: "plain", key: "unsigned" }))
  } finally {
    writeFileSync(join(own.dir, "gateway.yaml"), before)
    await elsewhere.close()
  }
  expect((await boxed(...client, "call")).exit).toBe(0)
  expect(plain.arrived.at(-1)?.headers.authorization).toBe(`Bearer ${own.providerKey}`)
})

test("a signed provider at another place does not get the key of the first", async () => {
  const elsewhere = await startUpstream((_, response) => void response.writeHead(200).end("{}"))
  const words = ["provider", "add", "plain", "--upstream"]
  try {
    expect(await amcJson(own, [...words, elsewhere.origin])).toMatchObject({ exit: 0 })
    const { exit, stderr } = await boxed(...client, "call")
    expect(exit).toBe(0)
    expect(stderr).toContain("the key of plain was given for another place")
    expect(elsewhere.arrived.map(({ headers }) => headers.authorization)).toEqual([undefined])
    expect((await amc(own, ["provider", "list"])).stdout).toMatch(/^plain .* held back/m)
  } finally {
    await elsewhere.close()
    await addProvider(own, "plain", plain)
  }
  expect((await amc(own, ["provider", "list"])).stdout).toMatch(/^plain .* key: yes$/m)
})

test("a session that fails says why, and how to look closer", async () => {
  const script = "console.error('no such model: \\u001b[2Jgpt-9'); process.exit(3)"
  const terms = ["--agent", "loud", "--provider", "plain", "--sessions", "1"]
  const ended = await amc(own, ["score", ...terms, "--", "node", "-e", script])
  const { exit, stderr, stdout } = ended
  expect(exit).toBe(0)
  expect(stderr).toContain(`workspace: ${own.dir}\n`)
  expect(stderr).toContain("session 1 of 1: agent exit 3")
  expect(stderr).toContain("  it called no provider\n")
  expect(stderr).toContain("  its last words:\n  | no such model: \\u{1b}[2Jgpt-9\n")
  expect(stderr).toMatch(/sandbox run --provider plain -- node -e '/)
  expect(stdout).toMatch(/^verify {2}.*amc bundle verify /m)
})

test("calls that nobody answers are told by the gateway's own code", async () => {
  await addProvider(own, "down", { socketPath: join(own.top, "nobody.sock") })
  const words = ["sandbox", "run", "--agent", "down", "--provider", "down", ...client, "call"]
  const { stderr } = await amc(own, words)
  expect(stderr).toMatch(/0 of \d answered with success; gateway\/upstream-unreachable/)
})

test("a check that fails has its last words, and a bundle's name is taken before any session", async () => {
  own.write("check/check.js", "console.error('expected 3'); process.exit(1)")
  const check = ["--check", `node ${join(own.cwd, "check/check.js")}`]
  const checked = await boxed("--agent", "c", ...check, ...client, "call")
  expect(checked.stderr).toContain("amc: check failed\n")
  expect(checked.stderr).toContain("| expected 3")
  const out = own.write("taken.amcbundle", "mine")
  const before = (await eventsOf(own.dir)).length
  const score = ["score", "--provider", "plain", "--out", out, ...client, "call"]
  expect(await amcJson(own, score)).toMatchObject({
    exit: 2,
    findings: [{ code: "usage/invalid", detail: `${out} exists already` }],
  })
  expect((await eventsOf(own.dir)).length).toBe(before)
})

test("a bundle that can't be written at the end loses no report", async () => {
  const out = join(own.cwd, "late", "x.amcbundle")
  mkdirSync(dirname(out))
  // The upstream takes the folder away while the session runs.
  const thief = await startUpstream((_, response) => {
    rmSync(dirname(out), { recursive: true })
    response.writeHead(200).end("{}")
  })
  await addProvider(own, "thief", thief)
  try {
    const words = ["score", "--agent", "late", "--provider", "thief", "--sessions", "1"]
    const { exit, stdout, stderr } = await amc(own, [...words, "--out", out, ...client, "call"])
    expect(exit).toBe(2)
    expect(stderr).toContain(`${out} can't be written`)
    expect(stdout).toMatch(/^late {2}INVALID|^late {2}VALID/)
    const [, runId = ""] = /amc bundle export --agent late --run (\S+) --out/.exec(stdout) ?? []
    const exported = join(own.cwd, "later.amcbundle")
    const again = ["bundle", "export", "--agent", "late", "--run", runId, "--out", exported]
    expect(await amcJson(own, again)).toMatchObject({ exit: 0 })
    expect(existsSync(exported)).toBe(true)
  } finally {
    await thief.close()
  }
})

test("who runs an agent with no box is told before what it costs all others", async () => {
  const { stderr } = await amc(own, ["wrap", "--provider", "plain", "--", "true"])
  expect(stderr).toMatch(/warning: without a box.*ANY agent here is INVALID.*second workspace/)
  const { stderr: boxedSays } = await boxed("--", "true")
  expect(boxedSays).not.toContain("without a box")
})

test("a socket is kept by its full path", async () => {
  const words = ["provider", "add", "near", "--upstream", "http://localhost", "--socket", "n.sock"]
  expect((await amcJson(own, words)).data.provider.socket).toBe(join(own.cwd, "n.sock"))
})

test("a key is not taken for plain http", async () => {
  const keyFile = own.write("some.key", "sk-some")
  const words = [
    "provider",
    "add",
    "far",
    "--upstream",
    "http://far.example",
    "--key-file",
    keyFile,
  ]
  expect(await amcJson(own, words)).toMatchObject({
    exit: 2,
    findings: [{ code: "usage/invalid", detail: expect.stringContaining("over http") }],
  })
})

test("npm start in a workspace that is not this machine's says what is wrong", async () => {
  const place = makePlace()
  try {
    mkdirSync(join(place.cwd, "scripts"))
    cpSync(join(clone, "scripts/main.mjs"), join(place.cwd, "scripts/main.mjs"))
    for (const name of ["packages", "examples"])
      symlinkSync(join(clone, name), join(place.cwd, name))
    cpSync(own.dir, join(place.cwd, ".amc"), { recursive: true })
    const ended = await run([process.execPath, join(place.cwd, "scripts/main.mjs")], place)
    expect(ended.exit).toBe(3)
    expect(ended.stderr).toMatch(/'amc provider list' ended with 3\namc: workspace\/unknown: .+/)
    expect(ended.stderr).toMatch(/next: \w/)
  } finally {
    place.remove()
  }
})
