import { execFileSync } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { createServer, type Server } from "node:https"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { amc, amcJson, clone, run as runWords, startAmc } from "./testing/amc.ts"
import { connectionsOf, eventsOf, measuredOf } from "./testing/evidence.ts"
import { issueLease, startGateway } from "./testing/gateway.ts"
import { makeWorkspace, type TestWorkspace } from "./testing/workspace.ts"

const traveller = join(clone, "e2e/agents/traveller.ts")

let own: TestWorkspace
let server: Server
let port = 0
let visits = 0
/** Requests that get no answer. */
let waiting = 0

beforeAll(async () => {
  own = await makeWorkspace()
  const [key, certificate] = [join(own.top, "key.pem"), join(own.top, "cert.pem")]
  const words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
  const files = [
    "-nodes",
    "-keyout",
    key,
    "-out",
    certificate,
    "-days",
    "2",
    "-subj",
    "/CN=localhost",
  ]
  execFileSync("openssl", [...words, ...files], { stdio: "ignore" })
  const pair = { key: readFileSync(key), cert: readFileSync(certificate) }
  server = createServer(pair, (request, response) => {
    visits++
    if (request.method === "POST") return void waiting++
    response.setHeader("connection", "close")
    response.end("from outside")
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  port = (server.address() as AddressInfo).port
}, 240_000)

afterAll(async () => {
  server?.closeAllConnections()
  server?.close()
  await own?.close()
})

/** What listens here is at localhost, to which agents are told to go directly; this one is told otherwise. */
function commandOf(...more: readonly string[]): readonly string[] {
  const direct = ["NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1"]
  return ["env", ...direct, "node", traveller, String(port), ...more]
}

function run(agent: string, verb: readonly string[], ...more: readonly string[]) {
  const words = [...verb, "--agent", agent, "--provider", "scripted", "--", ...commandOf(...more)]
  return amc(own, words)
}

function cameOf(stdout: string): Record<string, string> {
  return JSON.parse(stdout.split("\n").find((line) => line.startsWith("{")) ?? "{}") as Record<
    string,
    string
  >
}

test("with nothing allowed a boxed agent gets nowhere, and each try is evidence (G3, R2, open-computer-use #198)", async () => {
  const ended = await run("homebody", ["sandbox", "run"])
  const came = cameOf(ended.stdout)
  expect(Object.keys(came)).toHaveLength(7)
  for (const [way, text] of Object.entries(came))
    expect(text, way).toMatch(/^failed: |egress\/not-allowed/)
  expect(came["direct"]).toMatch(/^failed: /)
  expect(visits).toBe(0)
  const events = await eventsOf(own.dir)
  const audits = measuredOf(events, "audit", "homebody").filter(
    ({ code }) => code === "NETWORK_EGRESS_BLOCKED",
  )
  const places = audits.map(({ detail }) => detail.split(": ")[0])
  expect(places).toEqual([
    `localhost:${port}`,
    `localhost:${port}`,
    "evil.example:443",
    "evil.example:80",
    "169.254.169.254:80",
    `localhost:${port}`,
  ])
  expect(new Set(audits.map(({ subject }) => subject))).toEqual(new Set(["egress/not-allowed"]))
  expect(measuredOf(events, "network_connect", "homebody")).toEqual([])
  expect(ended.stderr).toContain("evil.example:443: the allowlist does not name this host and port")
}, 120_000)

test("what the owner signs for is let out, and recorded with its counts (G3, R2)", async () => {
  const allowed = await amc(own, [
    "egress",
    "allow",
    `localhost:${port}`,
    "--addresses",
    "127.0.0.1/32",
  ])
  expect(allowed.exit).toBe(0)
  const listed = await amcJson(own, ["egress", "list"])
  expect(listed.data).toMatchObject({
    egress: { allow: [`localhost:${port}`], addresses: ["127.0.0.1/32"] },
    signature: "valid",
  })
  const ended = await run("traveller", ["sandbox", "run"])
  const came = cameOf(ended.stdout)
  expect(came).toMatchObject({ allowed: "200 from outside", curl: "from outside" })
  for (const way of ["blocked", "plain", "metadata", "fronted", "direct"])
    expect(came[way], way).toMatch(/^failed: |egress\/not-allowed/)
  const events = await eventsOf(own.dir)
  const opened = connectionsOf(events, "network_connect", "traveller")
  expect(opened).toHaveLength(3)
  for (const one of opened)
    expect(one).toMatchObject({
      kind: "tunnel",
      host: "localhost",
      port,
      address: "127.0.0.1",
      rule: `localhost:${port}`,
      exception: "127.0.0.1/32",
    })
  const closed = connectionsOf(events, "network_traffic", "traveller")
  expect(closed.map(({ completeness }) => completeness).sort()).toEqual([
    "complete",
    "complete",
    "refused",
  ])
  const subjects = measuredOf(events, "audit", "traveller").map(({ subject }) => subject)
  expect(subjects.filter((subject) => subject.startsWith("egress/")).sort()).toEqual([
    "egress/not-allowed",
    "egress/not-allowed",
    "egress/not-allowed",
    "egress/server-name",
  ])
  const probe = measuredOf(events, "sandbox_probe", "traveller")[0]
  expect(probe?.checks).toContainEqual({
    id: "egress.http",
    expect: "reached",
    outcome: "reached",
    control: "denied",
  })
  const seal = measuredOf(events, "session_seal", "traveller")[0]
  expect(seal?.posture).toBe("measured")
  expect((await amc(own, ["verify"])).exit).toBe(0)
  const stored = JSON.stringify(events.map(({ event }) => event))
  expect(stored).not.toContain("amc-lease-")
  const first = events.find(({ event }) => event.type === "network_connect")
  const shown = await amc(own, ["ledger", "show", first?.hash ?? ""])
  expect(shown.stdout).toContain("network_connect")
  expect(shown.stdout).toContain("127.0.0.1/32")
}, 120_000)

test("a wrapped agent gets the proxy too, with its lease as credentials (G3)", async () => {
  const ended = await run("wrapped", ["wrap"])
  const came = cameOf(ended.stdout)
  expect(came).toMatchObject({ allowed: "200 from outside", curl: "from outside" })
  expect(came["blocked"]).toMatch(/^failed: /)
  const events = await eventsOf(own.dir)
  expect(connectionsOf(events, "network_connect", "wrapped")).toHaveLength(3)
  const channels = events.flatMap(({ event }) =>
    event.type === "network_connect" && event.agent === "wrapped" ? [event.channel] : [],
  )
  expect(new Set(channels)).toEqual(new Set(["gateway:loopback"]))
}, 120_000)

test("a gateway that stands lets a lease out through its proxy, and ends what it opened when it is revoked (G3, G6)", async () => {
  const gateway = await startGateway(own)
  const proxy = new URL(gateway.egressUrl ?? "")
  const { token, id } = await issueLease(own, "standing", "scripted")
  const { token: narrow } = await issueLease(own, "standing", "scripted", [
    "--egress",
    "other.example",
  ])
  const ask = (lease: string, place: string, ...more: readonly string[]) =>
    runWords(["curl", "-sSk", "--max-time", "20", ...more, `https://${place}/`], {
      cwd: own.cwd,
      env: { PATH: own.env["PATH"] ?? "", HTTPS_PROXY: `http://agent:${lease}@${proxy.host}` },
    })
  expect((await ask(token, `localhost:${port}`)).stdout).toBe("from outside")
  const refused = [
    { why: "407", ask: ask("amc-lease-forged", `localhost:${port}`) },
    { why: "403", ask: ask(token, "evil.example") },
    { why: "403", ask: ask(narrow, `localhost:${port}`) },
  ]
  for (const one of refused) expect((await one.ask).stderr).toContain(one.why)
  const held = ask(token, `localhost:${port}`, "-d", "wait")
  await expect.poll(() => waiting).toBe(1)
  expect((await amc(own, ["lease", "revoke", id])).exit).toBe(0)
  expect((await held).exit).not.toBe(0)
  expect((await ask(token, `localhost:${port}`)).stderr).toContain("407")
  expect(await gateway.stop()).toBe(0)

  const events = await eventsOf(own.dir)
  const ends = connectionsOf(events, "network_traffic", "standing")
  // Who closes with tickets of TLS unread resets the connection, as curl may.
  const whole = expect.stringMatching(/^(?:complete|client-gone)$/)
  expect(ends.map(({ completeness }) => completeness)).toEqual([whole, "closed"])
  expect(connectionsOf(events, "network_connect", "standing")).toMatchObject([
    { kind: "tunnel", host: "localhost", port },
    { kind: "tunnel", host: "localhost", port },
  ])
  const subjects = measuredOf(events, "audit", "standing").map(({ subject }) => subject)
  expect(subjects.filter((subject) => subject === "egress/not-allowed")).toHaveLength(2)
  expect((await amc(own, ["verify"])).exit).toBe(0)
}, 120_000)

test("a monitor that is killed leaves a tunnel that recovery closes (G3)", async () => {
  const options = ["--agent", "waiter", "--provider", "scripted"]
  const words = ["sandbox", "run", ...options, "--", ...commandOf("wait")]
  const { child, ended } = startAmc(own, words)
  let said = ""
  await new Promise<void>((resolve, reject) => {
    child.stdout.on("data", (piece: string) => {
      said += piece
      if (said.includes("waiting 200")) resolve()
    })
    void ended.then(({ stderr }) => reject(new Error(`it ended: ${said}${stderr}`)))
  })
  child.kill("SIGKILL")
  await ended
  // Any capture recovers first.
  expect((await amc(own, ["egress", "allow", "later.example"])).exit).toBe(0)
  const events = await eventsOf(own.dir)
  const traffic = connectionsOf(events, "network_traffic", "waiter")
  expect(traffic.at(-1)).toMatchObject({ completeness: "crashed" })
  expect(connectionsOf(events, "network_connect", "waiter")).toHaveLength(traffic.length)
  expect(measuredOf(events, "session_seal", "waiter")[0]?.reason).toBe("recovered")
  expect((await amc(own, ["verify"])).exit).toBe(0)
}, 120_000)

test("an allowlist that nobody signed for allows nothing, and says so (G3, G4)", async () => {
  const path = join(own.dir, "gateway.yaml")
  const before = readFileSync(path, "utf8")
  const forged = before.replace("later.example", "evil.example")
  own.write(".amc/gateway.yaml", forged)
  try {
    const listed = await amc(own, ["egress", "list"])
    expect(listed.stdout).toContain("agents may connect to nothing")
    const refused = await amcJson(own, ["egress", "allow", "more.example"])
    expect(refused.ok).toBe(false)
    const shown = await amcJson(own, ["config", "show", "gateway"])
    const counted = (shown.data.values as { key: string; value: unknown }[]).filter(({ key }) =>
      key.startsWith("egress"),
    )
    expect(counted.map(({ key, value }) => [key, value])).toEqual([
      ["egress.allow", []],
      ["egress.addresses", []],
    ])
    const visited = visits
    const ended = await run("unsigned", ["sandbox", "run"])
    expect(cameOf(ended.stdout)["allowed"]).toMatch(/^failed: /)
    expect(visits).toBe(visited)
    expect(ended.stderr).toContain("does not count without its signature")
  } finally {
    own.write(".amc/gateway.yaml", before)
  }
}, 120_000)

test("what is removed is refused again, and what is not there can't be removed (G3)", async () => {
  const removed = await amcJson(own, ["egress", "remove", `localhost:${port}`])
  expect(removed.data.egress).toEqual({ allow: ["later.example"], addresses: ["127.0.0.1/32"] })
  const again = await amcJson(own, ["egress", "remove", `localhost:${port}`])
  expect(again).toMatchObject({ exit: 2, findings: [{ code: "usage/invalid" }] })
  const twice = await amcJson(own, ["egress", "allow", "LATER.example"])
  expect(twice).toMatchObject({ exit: 2, findings: [{ code: "usage/invalid" }] })
  const providers = await amcJson(own, ["provider", "list"])
  expect(providers.data.providers).toHaveLength(2)
}, 120_000)
