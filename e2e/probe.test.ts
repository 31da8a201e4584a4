import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { amc, amcJson, clone } from "./testing/amc.ts"
import { eventsOf, measuredOf } from "./testing/evidence.ts"
import { startUpstream, type Upstream } from "./testing/upstream.ts"
import { addProvider, makeWorkspace, type TestWorkspace } from "./testing/workspace.ts"

const hunter = join(clone, "e2e/agents/hunter.ts")
/** A network with nothing in it, so that nobody is dialled. */
const isRoot = process.getuid?.() === 0
const offline = isRoot ? ["unshare", "--net", "--"] : ["unshare", "--user", "--net", "--"]

let own: TestWorkspace
let upstream: Upstream
beforeAll(async () => {
  own = await makeWorkspace()
  upstream = await startUpstream((_, response) => void response.end("{}"))
  await addProvider(own, "plain", upstream)
}, 240_000)
afterAll(async () => {
  await upstream?.close()
  await own?.close()
})

/** What opens the vault, and the provider's key, as they lie on the disk. */
function needles(): readonly string[] {
  const slots = join(own.env["XDG_STATE_HOME"]!, "amc/workspaces", own.workspace)
  const files = readdirSync(slots).filter((name) => name.startsWith("passphrase."))
  const secrets = files.map((name) => readFileSync(join(slots, name), "latin1").trim())
  const vault = readFileSync(join(own.dir, "vault.amcvault"), "latin1").slice(0, 200)
  return [...secrets, vault, readFileSync(join(own.top, "provider.key"), "latin1").trim()]
}

async function hunt(...command: readonly string[]) {
  const input = JSON.stringify({ roots: [own.top], needles: needles() })
  const words = [...command, "--agent", "hunter", "--provider", "plain", "--", "node", hunter]
  const { exit, stdout, stderr } = await amc(own, words, { input })
  expect(exit, stderr).toBe(0)
  return { ...JSON.parse(stdout), stderr } as {
    found: readonly string[]
    looked: Record<string, number>
    stderr: string
  }
}

test("an agent in a box that hunts for keys looks everywhere and finds none", async () => {
  const { found, looked } = await hunt("sandbox", "run")
  expect(found).toEqual([])
  expect(looked["processes"]).toBeGreaterThan(0)
  expect(looked["descriptors"]).toBeGreaterThan(2)
  const events = await eventsOf(own.dir)
  expect(measuredOf(events, "sandbox_watch", "hunter")).toEqual([
    expect.objectContaining({ drifts: 0, tripwires: 0, same_process: true }),
  ])
  const [probe] = measuredOf(events, "sandbox_probe", "hunter")
  const [plan] = measuredOf(events, "sandbox_plan", "hunter")
  expect(probe?.probe_sha256).toMatch(/^[0-9a-f]{64}$/)
  expect(probe?.outside["exe_sha256"]).toBe(probe?.probe_sha256)
  expect(plan?.probe_sha256).toBe(probe?.probe_sha256)
})

test("the same agent with no box finds them, and the probe has said so before", async () => {
  const { found, stderr } = await hunt("wrap")
  expect(found.length).toBeGreaterThan(needles().length - 1)
  expect(stderr).toMatch(
    /the probe in its place reached \d+ of \d+ things: file\.vault, file\.ledger/,
  )
  expect(stderr).toContain("posture shared")
})

test("amc probe says what could be reached here, and that nobody looked from outside", async () => {
  const { exit, data } = await amcJson(own, ["probe"], { through: offline })
  expect(exit).toBe(0)
  expect(data).toMatchObject({ grade: "inside only", hardened: false })
  const outcomes = new Map(
    data.checks.map((each: { id: string; outcome: string }) => [each.id, each.outcome]),
  )
  for (const id of ["internet.tcp", "internet.dns", "internet.metadata"])
    expect(outcomes.get(id)).toBe("denied")
  expect(data.reached).toContain("surface.netlink")
  expect(data.reached).toEqual(
    data.checks
      .filter(({ outcome }: { outcome: string }) => outcome === "reached")
      .map(({ id }: { id: string }) => id),
  )
  const { stdout } = await amc(own, ["probe", "--offline"])
  expect(stdout).toMatch(/\d+ tried, \d+ reached; inside only: this is no measured box\n$/)
  expect(stdout).not.toContain("internet.")
})
