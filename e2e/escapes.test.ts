import { createHash } from "node:crypto"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { amcJson, clone, startAmc } from "./testing/amc.ts"
import { eventsOf, measuredOf, type StoredEvent } from "./testing/evidence.ts"
import { startUpstream, type Upstream } from "./testing/upstream.ts"
import { addProvider, makeWorkspace, type TestWorkspace } from "./testing/workspace.ts"

const honeyText = "what only the owner has"
let own: TestWorkspace
let upstream: Upstream
let honey: string
beforeAll(async () => {
  own = await makeWorkspace()
  upstream = await startUpstream((_, response) => void response.end("{}"))
  await addProvider(own, "plain", upstream)
  honey = own.write("../honey.txt", honeyText)
}, 240_000)
afterAll(async () => {
  await upstream?.close()
  await own?.close()
})

/** All files below a folder, as one text that changes with any of them. */
function treeOf(folder: string): string {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  const lines = files.map(({ parentPath, name }) => {
    const path = join(parentPath, name)
    return `${path} ${createHash("sha256").update(readFileSync(path)).digest("hex")}`
  })
  return lines.sort().join("\n")
}

/** Sockets of the monitors that run just now. */
function sockets(): readonly string[] {
  const folders = readdirSync(tmpdir()).filter((name) => /^amc-[\w-]{6}$/.test(name))
  return folders
    .map((name) => join(tmpdir(), name, "notary/socket"))
    .filter((path) => existsSync(path))
}

function outputOf(events: readonly StoredEvent[], agent: string) {
  return events.flatMap(({ event }) =>
    event.type === "agent_stdout" && event.agent === agent
      ? [{ offset: event.facts.measured.offset, payload: event.payload! }]
      : [],
  )
}

/** The digests of the pieces of an agent's output that were recorded, and those of the pieces as they came out. */
function recordedOutput(events: readonly StoredEvent[], agent: string): readonly string[] {
  return outputOf(events, agent).map(({ payload }) => payload.sha256)
}

function slicesOf(
  events: readonly StoredEvent[],
  agent: string,
  stdout: string,
): readonly string[] {
  const bytes = Buffer.from(stdout)
  const pieces = outputOf(events, agent)
  expect(pieces.reduce((sum, { payload }) => sum + payload.size, 0)).toBe(bytes.length)
  return pieces.map(({ offset, payload }) =>
    createHash("sha256")
      .update(bytes.subarray(offset, offset + payload.size))
      .digest("hex"),
  )
}

test(
  "SBX-01 to SBX-08, EVI-03, EVI-06: an agent that goes through all escapes gets nothing, and each try is on record",
  { timeout: 240_000 },
  async () => {
    const home = own.env["HOME"]!
    const before = { work: treeOf(own.cwd.concat("/../home")), cwd: readdirSync(own.cwd) }
    const agent = ["node", join(clone, "e2e/agents/escapee.ts")]
    const words = ["sandbox", "run", "--agent", "escapee", "--provider", "plain", "--", ...agent]
    const { child, ended } = startAmc(own, words)
    await new Promise((resolve) => child.stdout.once("data", resolve))
    const known = {
      folders: [own.top, home, own.dir, clone, "/var/tmp/.."],
      honey: [honey, join(own.top, "provider.key")],
      vault: join(own.dir, "vault.amcvault"),
      ledger: join(own.dir, "ledger/ledger.sqlite"),
      config: join(own.dir, "gateway.yaml"),
      sockets: [...sockets(), join(own.top, "model.sock")],
      provider: { host: "127.0.0.1", port: Number(new URL(upstream.origin).port) },
    }
    expect(known.sockets.length).toBeGreaterThan(1)
    child.stdin.end(JSON.stringify(known))
    const { exit, stdout, stderr } = await ended
    expect(exit, stderr).toBe(0)
    const lines = stdout.trimEnd().split("\n").slice(1)
    expect(lines.filter((line) => !/^(?:SBX-0\d|EVI-0\d) .*: denied /.test(line))).toEqual([
      "called: 200",
    ])
    const cases = new Set(lines.map((line) => line.slice(0, 6)))
    expect([...cases].sort()).toEqual(
      [
        "EVI-03",
        "EVI-06",
        "SBX-01",
        "SBX-02",
        "SBX-03",
        "SBX-04",
        "SBX-07",
        "SBX-08",
        "called",
      ].sort(),
    )
    expect(stdout).not.toContain(honeyText)

    // SBX-06: nothing of what it left for later stays.
    expect(treeOf(home)).toBe(before.work)
    expect(readdirSync(own.cwd)).toEqual(before.cwd)

    // What it said of its tries is in the ledger byte for byte, and what reached the monitor is on its account.
    const events = await eventsOf(own.dir)
    expect(recordedOutput(events, "escapee")).toEqual(slicesOf(events, "escapee", stdout))
    // A lease that nobody was given is on nobody's account.
    const audits = measuredOf(events, "audit").map(({ code }) => code)
    expect(audits).toEqual(expect.arrayContaining(["SANDBOX_EXECUTION_ENABLED", "LEASE_REFUSED"]))
    expect(measuredOf(events, "sandbox_watch", "escapee")).toEqual([
      expect.objectContaining({ drifts: 0, tripwires: 0, same_process: true }),
    ])
    // Without a word of the agent's: the calls that its filter refused, as the monitor counted them.
    const [watched] = measuredOf(events, "sandbox_watch", "escapee")
    const refused = Object.fromEntries(
      (watched?.calls_refused ?? []).map(({ call, count }) => [call, count]),
    )
    const said = (what: string): number =>
      lines.filter((line) => line.includes(what) && line.includes(": denied")).length
    expect(refused).toMatchObject({
      ptrace: said(" ptrace of "),
      mount: 1,
      unshare: 3,
      chroot: 1,
      setresuid: 1,
      mknodat: 1,
      keyctl: 1,
      add_key: 1,
      bpf: 1,
      socket_40: 1,
      userfaultfd: 1,
      // The first process is the parent as well.
      kill: 2 * said("EVI-06 SIG"),
    })
    // Node tries that one by itself, too.
    expect(refused["io_uring_setup"]).toBeGreaterThan(0)
    for (const { first_ms, last_ms } of watched?.calls_refused ?? [])
      expect(last_ms).toBeGreaterThanOrEqual(first_ms)
    expect(watched).toMatchObject({ dials_no_route: expect.any(Number), hidden_opens: 0 })
    expect(await amcJson(own, ["verify"])).toMatchObject({ exit: 0 })
  },
)

test.for([
  { why: "forks without end", script: "b() { b | b & }; b; sleep 3" },
  { why: "takes all memory", script: "head -c 4G /dev/zero | tail -n 1 >/dev/null" },
  { why: "fills its disk", script: "head -c 8G /dev/zero >/tmp/full" },
  {
    why: "makes files without end",
    script: "cd /tmp; i=0; while [ $i -lt 20000 ]; do : >f$i || exit 9; i=$((i+1)); done",
  },
])("SBX-05: an agent that $why is bounded, and the evidence is whole", async ({ script }) => {
  const words = [
    "sandbox",
    "run",
    "--agent",
    "bomb",
    "--provider",
    "plain",
    "--",
    "sh",
    "-c",
    script,
  ]
  const { child, ended } = startAmc(own, words)
  child.stdin.end()
  await ended
  const events = await eventsOf(own.dir)
  expect(measuredOf(events, "session_seal", "bomb").at(-1)).toMatchObject({ posture: "measured" })
  expect(measuredOf(events, "sandbox_watch", "bomb").at(-1)).toMatchObject({ drifts: 0 })
  expect(await amcJson(own, ["verify"])).toMatchObject({ exit: 0 })
})
