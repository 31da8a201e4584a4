import { chmodSync, cpSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { openCapture, openWorkspace, runSession, StateHome } from "@amc/studio"
import { afterAll, beforeAll, expect, test } from "vitest"
import { amc, amcJson, type AmcOptions, clone, program, run, startAmc } from "./testing/amc.ts"
import { cloneElsewhere } from "./testing/elsewhere.ts"
import { eventsOf, measuredOf } from "./testing/evidence.ts"
import { makePlace, type Place } from "./testing/place.ts"
import { startUpstream, type Upstream } from "./testing/upstream.ts"
import { addProvider, makeWorkspace, type TestWorkspace } from "./testing/workspace.ts"

const client = ["node", join(clone, "e2e/agents/bad-client.ts")]
const isRoot = process.getuid?.() === 0

let own: TestWorkspace
let plain: Upstream
let slow: Upstream

beforeAll(async () => {
  own = await makeWorkspace()
  plain = await startUpstream(
    (_, response) =>
      void response.writeHead(200, { "content-type": "application/json" }).end('{"code":"fine"}'),
  )
  // Says one word and then nothing, for as long as somebody listens.
  slow = await startUpstream(
    (_, response) =>
      void response.writeHead(200, { "content-type": "text/event-stream" }).write("data: one\n\n"),
  )
  await addProvider(own, "plain", plain)
  await addProvider(own, "slow", slow)
  await addProvider(own, "down", { socketPath: join(own.top, "nobody.sock") })
}, 240_000)

afterAll(async () => {
  await Promise.all([plain?.close(), slow?.close()])
  await own?.close()
})

interface Bad {
  readonly why: string
  readonly args: readonly string[]
  readonly exit: number
  readonly code: string
  readonly says: RegExp
}

/** What a person and a program are told of one error: code, reason, next step. */
async function expectRefusal(
  { args, exit, code, says }: Omit<Bad, "why">,
  place: Pick<TestWorkspace, "cwd" | "env"> = own,
  options: AmcOptions = {},
): Promise<void> {
  const json = await amcJson(place as TestWorkspace, args, options)
  expect(json).toMatchObject({
    schema: "amc.cli/v1",
    ok: false,
    exit,
    data: null,
    findings: [{ code, detail: expect.stringMatching(says) }],
  })
  const told = await amc(place as TestWorkspace, args, options)
  expect({ exit: told.exit, stdout: told.stdout }).toEqual({ exit, stdout: "" })
  expect(told.stderr).toMatch(new RegExp(`${code}: .`))
  expect(told.stderr).not.toMatch(/\n {4}at /)
  expect(json.findings[0]?.next, "a next step").toMatch(/\w/)
}

const agent = ["--", "node", "-e", "0"]

test.each<Bad>([
  {
    why: "an unknown command",
    args: ["scoer"],
    exit: 2,
    code: "usage/invalid",
    says: /unknown command 'scoer'/,
  },
  {
    why: "an unknown option",
    args: ["score", "--sesions", "3", ...agent],
    exit: 2,
    code: "usage/invalid",
    says: /unknown option '--sesions'/,
  },
  {
    why: "a command that is only half of one",
    args: ["bundle"],
    exit: 2,
    code: "usage/invalid",
    says: /./,
  },
  {
    why: "no agent command",
    args: ["score"],
    exit: 2,
    code: "usage/invalid",
    says: /no agent command/,
  },
  {
    why: "a bad agent id",
    args: ["score", "--agent", "../up", ...agent],
    exit: 2,
    code: "usage/invalid",
    says: /agent's id/,
  },
  {
    why: "no sessions",
    args: ["score", "--sessions", "0", ...agent],
    exit: 2,
    code: "usage/invalid",
    says: /--sessions/,
  },
  {
    why: "an unknown driver",
    args: ["score", "--driver", "dokcer", ...agent],
    exit: 2,
    code: "usage/invalid",
    says: /--driver/,
  },
  {
    why: "an unknown provider",
    args: ["score", "--provider", "nobody", ...agent],
    exit: 2,
    code: "usage/invalid",
    says: /no provider 'nobody'/,
  },
  {
    why: "claims that are not there",
    args: ["score", "--provider", "plain", "--claims", "none.json", ...agent],
    exit: 3,
    code: "input/unreadable",
    says: /none.json/,
  },
  {
    why: "a check that is not there",
    args: ["score", "--provider", "plain", "--check", "node chekc.js", ...agent],
    exit: 2,
    code: "usage/invalid",
    says: /the check names chekc.js/,
  },
  {
    why: "a run about nobody",
    args: ["run", "--agent", "nobody"],
    exit: 2,
    code: "usage/invalid",
    says: /nothing of an agent 'nobody'/,
  },
  {
    why: "a bundle in a folder that is not there",
    args: ["score", "--provider", "plain", "--out", "none/x.amcbundle", ...agent],
    exit: 2,
    code: "usage/invalid",
    says: /none\/x.amcbundle can't be written/,
  },
  {
    why: "an option behind the agent's command",
    args: ["score", "node", "a.js", "--sessions", "3"],
    exit: 2,
    code: "usage/invalid",
    says: /--sessions stands behind/,
  },
  {
    why: "a provider's id in capitals",
    args: ["provider", "add", "OpenAI", "--upstream", "https://api.openai.com"],
    exit: 2,
    code: "usage/invalid",
    says: /lower-case letters/,
  },
  {
    why: "a provider's address with a path",
    args: ["provider", "add", "x", "--upstream", "https://x.example/api/v1"],
    exit: 2,
    code: "usage/invalid",
    says: /--upstream takes an origin/,
  },
  {
    why: "a work folder that is not there",
    args: ["score", "--provider", "plain", "--work", "none", ...agent],
    exit: 2,
    code: "usage/invalid",
    says: /none/,
  },
  {
    why: "an unknown run",
    args: ["run", "verify", "run-none"],
    exit: 3,
    code: "run/unknown",
    says: /run-none/,
  },
  {
    why: "a second workspace in the place of one",
    args: ["init"],
    exit: 3,
    code: "workspace/exists",
    says: /there already/,
  },
  {
    why: "a provider's address that is none",
    args: ["provider", "add", "x", "--upstream", "nonsense"],
    exit: 2,
    code: "usage/invalid",
    says: /upstream/,
  },
  {
    why: "an agent command that does not exist, without a box",
    args: ["wrap", "--provider", "plain", "--", "no-such-agent"],
    exit: 125,
    code: "sandbox/start-failed",
    says: /no-such-agent|could not be started/,
  },
  {
    why: "an agent command that does not exist, in a box",
    args: ["sandbox", "run", "--provider", "plain", "--", "no-such-agent"],
    exit: 125,
    code: "sandbox/start-failed",
    says: /no-such-agent|could not be started/,
  },
  {
    why: "an agent command that does not exist, to be scored",
    args: ["score", "--provider", "plain", "--sessions", "1", "--", "no-such-agent"],
    exit: 3,
    code: "sandbox/start-failed",
    says: /no-such-agent|could not be started/,
  },
])("tells a person and a program of $why", { timeout: 180_000 }, async (bad) => {
  await expectRefusal(bad)
})

test("suggests the word that was meant", async () => {
  expect((await amc(own, ["scoer"])).stderr).toContain("did you mean score?")
  expect((await amc(own, ["bundle", "verfy"])).stderr).toContain("did you mean verify?")
  expect((await amc(own, ["score", "--sesions", "3", ...agent])).stderr).toContain(
    "did you mean --sessions?",
  )
})

test(
  "what comes in over HTTP is refused with a code, on the record, in bounded memory",
  { timeout: 180_000 },
  async () => {
    const wrap = (agentId: string, provider: string, ...deed: readonly string[]) =>
      amc(own, ["wrap", "--agent", agentId, "--provider", provider, "--", ...client, ...deed])
    const down = JSON.parse((await wrap("down", "down", "call")).stdout)
    expect(down.called).toBe("502 gateway/upstream-unreachable")
    const before = plain.arrived.length
    const ended = await wrap("bad", "plain", "all", down.lease)
    expect(ended.exit, ended.stderr).toBe(0)
    const said = JSON.parse(ended.stdout)
    expect(said).toMatchObject({
      brokenJson: "200 fine",
      unknownRoute: "404 gateway/unknown-route",
      noLease: "401 gateway/no-lease",
      otherLease: "401 gateway/lease-unknown",
      large200: "413 gateway/body-too-large",
      announced200: "413 gateway/body-too-large",
      after: "200 fine",
    })
    expect(said.grownMib).toBeLessThan(150)
    expect(plain.arrived.slice(before).map(({ body }) => body.length < 1000)).toEqual([true, true])
    const left = JSON.parse((await wrap("gone", "slow", "leave")).stdout)
    expect(left).toEqual({ left: "200 data: one\n\n" })

    const events = await eventsOf(own.dir)
    const responses = (agentId: string) =>
      measuredOf(events, "llm_response", agentId).map(
        ({ status, completeness, from_upstream }) => ({ status, completeness, from_upstream }),
      )
    expect(responses("down")).toEqual([
      { status: 502, completeness: "upstream-unreachable", from_upstream: false },
    ])
    expect(responses("gone")).toEqual([
      { status: 200, completeness: "client-gone", from_upstream: true },
    ])
    expect(responses("bad")).toEqual(
      [1, 2].map(() => ({ status: 200, completeness: "complete", from_upstream: true })),
    )
    const refusals = measuredOf(events, "audit").filter(
      ({ code }) => code === "GATEWAY_REQUEST_REFUSED" || code === "LEASE_REFUSED",
    )
    const subjects = new Map(refusals.map(({ subject, code }) => [subject, code]))
    expect(Object.fromEntries(subjects)).toMatchObject({
      "gateway/body-too-large": "GATEWAY_REQUEST_REFUSED",
      "gateway/unknown-route": "GATEWAY_REQUEST_REFUSED",
      "gateway/no-lease": "LEASE_REFUSED",
      "gateway/lease-unknown": "LEASE_REFUSED",
    })
    expect(readdirSync(join(own.dir, "spool"))).toEqual([])
  },
)

test(
  "a lease that is past its end is refused, whoever holds it",
  { timeout: 180_000 },
  async () => {
    let offsetMs = 0
    const clock = (): number => Date.now() + offsetMs
    const later = await startUpstream((_, response) => {
      offsetMs = 3_600_000
      response.writeHead(200).end("{}")
    })
    const workspace = openWorkspace(own.cwd, new StateHome(own.env), clock())
    const capture = await openCapture(workspace, { clock })
    const output: string[] = []
    try {
      const { exitCode } = await runSession(capture, {
        agent: "late",
        limits: { max_calls: 10, max_seconds: 60, memory_mib: 512, pids: 64 },
        driver: "none",
        image: null,
        network: "none",
        providers: [
          {
            id: "later",
            kind: "compatible",
            upstream: later.origin,
            base_path: "",
            socket: null,
            auth: "bearer",
          },
        ],
        command: [...client, "twice"],
        cwd: own.cwd,
        work: own.cwd,
        check: null,
        number: 1,
        environment: own.env,
        stdin: null,
        echo: { stdout: (bytes) => void output.push(Buffer.from(bytes).toString()) },
        signal: new AbortController().signal,
      } as Parameters<typeof runSession>[1])
      expect(exitCode).toBe(0)
    } finally {
      await capture.close()
      await later.close()
    }
    expect(JSON.parse(output.join(""))).toEqual(["200 {}", "401 gateway/lease-expired"])
    const audits = measuredOf(await eventsOf(own.dir), "audit")
    expect(audits).toContainEqual(
      expect.objectContaining({ code: "LEASE_REFUSED", subject: "gateway/lease-expired" }),
    )
  },
)

test(
  "a vault without its passphrase, or with another, lets nothing be signed and loses nothing",
  { timeout: 180_000 },
  async () => {
    const score = ["score", "--provider", "plain", "--sessions", "1", ...agent]
    const path = join(
      own.env["XDG_STATE_HOME"]!,
      "amc/workspaces",
      own.workspace,
      "passphrase.monitor",
    )
    renameSync(path, `${path}.away`)
    try {
      await expectRefusal({ args: score, exit: 3, code: "vault/locked", says: /passphrase/ })
      expect(await amcJson(own, ["run", "list"])).toMatchObject({ exit: 0 })
      writeFileSync(path, "another passphrase entirely\n", { mode: 0o600 })
      await expectRefusal({ args: score, exit: 3, code: "vault/wrong-passphrase", says: /./ })
      writeFileSync(path, readFileSync(`${path}.away`), { mode: 0o644 })
      chmodSync(path, 0o644)
      expect(await amcJson(own, score)).toMatchObject({ ok: false, exit: 3 })
    } finally {
      renameSync(`${path}.away`, path)
    }
    expect(await amcJson(own, ["verify"])).toMatchObject({ exit: 0 })
  },
)

test("a disk that can't be written stops the work and says so", { timeout: 180_000 }, async () => {
  const readOnly = (folder: string): AmcOptions => ({
    through: [
      "bwrap",
      "--dev-bind",
      "/",
      "/",
      "--ro-bind",
      folder,
      folder,
      "--chdir",
      folder,
      "--",
    ],
  })
  const score = ["score", "--provider", "plain", "--sessions", "1", ...agent]
  await expectRefusal(
    { args: score, exit: 3, code: "store/unavailable", says: /./ },
    own,
    readOnly(own.cwd),
  )
  const empty = makePlace()
  try {
    await expectRefusal(
      { args: ["init"], exit: 3, code: "workspace/unwritable", says: /can't be made/ },
      empty,
      readOnly(empty.cwd),
    )
    expect(readdirSync(empty.cwd)).toEqual([])
  } finally {
    empty.remove()
  }
  expect(await amcJson(own, ["verify"])).toMatchObject({ exit: 0 })
})

test(
  "a disk that is full stops the work, and what was recorded stays whole",
  { timeout: 180_000 },
  async () => {
    const place = makePlace()
    const script = `
    amc() { '${process.execPath}' '${program}' "$@" --json; echo "exit $?"; }
    amc init && amc provider add p --upstream http://localhost && amc wrap --agent a --provider p -- true
    amc run --agent a && head -c 4000000 /dev/zero >fill
    amc run --agent a; rm fill; amc verify; amc run --agent a; amc verify`
    const disk = ["bwrap", "--dev-bind", "/", "/", "--size", "1000000", "--tmpfs", place.cwd]
    try {
      const words = [...disk, "--chdir", place.cwd, "--", "bash", "-c", script]
      const { stdout, stderr } = await run(words, place)
      expect(stdout.match(/^exit \d+$/gm), stderr).toEqual(
        [0, 0, 0, 0, 3, 0, 0, 0].map((exit) => `exit ${exit}`),
      )
      const told = stdout.split("\n").filter((line) => line.startsWith("{"))
      expect(JSON.parse(told[3]!)).toMatchObject({ findings: [{ code: "store/unavailable" }] })
      expect(JSON.parse(told[6]!).data).toMatchObject({ runs: 2 })
    } finally {
      place.remove()
    }
  },
)

test("a folder that came from another machine is not opened", async () => {
  const place = makePlace()
  try {
    cpSync(own.dir, join(place.cwd, ".amc"), { recursive: true })
    for (const args of [["verify"], ["score", ...agent], ["run", "list"]])
      await expectRefusal(
        { args, exit: 3, code: "workspace/unknown", says: /not made on this machine/ },
        place,
      )
  } finally {
    place.remove()
  }
})

test(
  "a package that the agent's user could not read is refused with the way out",
  { timeout: 180_000 },
  async () => {
    own.write("closed/package.json", "{}")
    own.write("closed/agent.mjs", "0")
    chmodSync(join(own.cwd, "closed"), 0o700)
    const args = [
      "sandbox",
      "run",
      "--provider",
      "plain",
      "--",
      "node",
      join(own.cwd, "closed/agent.mjs"),
    ]
    if (isRoot)
      await expectRefusal({
        args,
        exit: 2,
        code: "usage/invalid",
        says: /can't be read by the agent's user/,
      })
    else expect(await amcJson(own, args)).toMatchObject({ exit: 0 })
  },
)

/** A workspace in which no agent has run yet: one that ran without a box makes all others INVALID. */
async function freshPlace(): Promise<Place> {
  const place = makePlace()
  for (const args of firstSteps()) expect(await amcJson(place, args)).toMatchObject({ exit: 0 })
  return place
}

/** What makes such a workspace. */
function firstSteps(): readonly (readonly string[])[] {
  return [["init"], ["provider", "add", "plain", "--upstream", plain.origin]]
}

const measured = {
  status: "VALID",
  posture: "measured",
  sessions: { opened: 1, sealed: 1, exposed: 1 },
}
const scoreOnce = ["score", "--json", "--provider", "plain", "--sessions", "1", "--"]

test.skipIf(!isRoot)(
  "works from a clone in a folder that only root can enter",
  { timeout: 180_000 },
  async () => {
    const there = cloneElsewhere("/root/clone")
    const place = await freshPlace()
    try {
      const agent = ["node", client[1]!, "call"]
      const words = [process.execPath, program, ...scoreOnce, ...agent].map(there.moved)
      const ended = await run([...there.words, ...words], place)
      expect(ended.stderr).toMatch(/agent exit 0, posture measured/)
      expect(JSON.parse(ended.stdout)).toMatchObject({ exit: 0, data: { report: measured } })
    } finally {
      place.remove()
      there.remove()
    }
  },
)

test("a user without root gets walls that are measured", { timeout: 180_000 }, async () => {
  const uid = isRoot ? 20_000 : process.getuid!()
  const asUser = ["setpriv", "--reuid", `${uid}`, "--regid", `${uid}`, "--clear-groups", "--"]
  // The clone may lie where only root can go.
  const there = isRoot ? cloneElsewhere() : null
  const own = (args: readonly string[]): readonly string[] => {
    const words = [process.execPath, program, ...args]
    return there === null ? words : [...there.words, ...asUser, ...words.map(there.moved)]
  }
  const user = makePlace(uid)
  const PATH = user.env["PATH"] ?? ""
  const place = { ...user, env: { ...user.env, PATH: there?.moved(PATH) ?? PATH } }
  try {
    for (const args of firstSteps()) expect(await run(own(args), place)).toMatchObject({ exit: 0 })
    const ended = await run(own([...scoreOnce, ...client, "call"]), place)
    expect(ended.stderr).toMatch(/agent exit 0, posture measured/)
    const { exit, data } = JSON.parse(ended.stdout)
    expect({ exit, data }).toMatchObject({ exit: 0, data: { report: measured } })
    for (const args of [["bundle", "verify", data.bundle], ["verify"]])
      expect(await run(own(args), place)).toMatchObject({ exit: 0 })
    const seals = measuredOf(await eventsOf(join(place.cwd, ".amc")), "session_seal")
    expect(seals).toMatchObject([{ posture: "measured", reason: "exited" }])
    if (isRoot) expect(seals[0]?.hardened).toBe(false)
  } finally {
    place.remove()
    there?.remove()
  }
})

test(
  "what a kill in the middle of a session leaves is whole, and is told as recovered",
  { timeout: 180_000 },
  async () => {
    const before = slow.arrived.length
    const score = (provider: string, deed: string) => [
      "score",
      "--agent",
      "killed",
      "--provider",
      provider,
      "--sessions",
      "1",
      "--",
      ...client,
      deed,
    ]
    const { child, ended } = startAmc(own, score("slow", "wait"))
    await expect.poll(() => slow.arrived.length, { timeout: 180_000 }).toBe(before + 1)
    child.kill("SIGKILL")
    await ended
    expect(await amcJson(own, ["verify"])).toMatchObject({ exit: 0 })
    const next = await amcJson(own, score("plain", "call"))
    expect(next.exit, next.stderr).toBe(0)
    expect(next.data.report.sessions).toMatchObject({ opened: 2, sealed: 2, counted: 1 })
    const events = await eventsOf(own.dir)
    expect(measuredOf(events, "session_seal", "killed").map(({ reason }) => reason)).toEqual([
      "recovered",
      "exited",
    ])
    expect(
      measuredOf(events, "llm_response", "killed").map(({ completeness }) => completeness),
    ).toEqual(["crashed", "complete"])
    expect(measuredOf(events, "gap")).toContainEqual(
      expect.objectContaining({ reason: "crash", open_sessions: 1, open_calls: 1 }),
    )
    expect(await amcJson(own, ["verify"])).toMatchObject({ exit: 0 })
  },
)

test("after all of it the workspace is as it was written", async () => {
  expect(await amcJson(own, ["verify"])).toMatchObject({ exit: 0 })
})
