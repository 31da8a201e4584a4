import { readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer, request } from "node:http"
import { type AddressInfo, connect } from "node:net"
import { join } from "node:path"
import type { Event } from "@amc/core"
import { beforeAll, expect, onTestFinished, test } from "vitest"
import { bindAgent } from "./bind-agent.ts"
import { editEgress } from "./egress-config.ts"
import { eventOf, withLedger } from "./ledger-reader.ts"
import { addProvider } from "./provider.ts"
import { StandingGateway } from "./standing-gateway.ts"
import { copyOf, newPlace, now, type Place, reopened } from "./workspace.fixture.ts"

let made: Place
let port = 0
let providerPort = 0
const clock = (): number => now
const wanted = { agent: "a1", providers: ["up"], ttl_ms: 3_600_000 }

beforeAll(async () => {
  const servers = ["outside", "provider"].map((text) =>
    createServer((_request, response) => response.end(text)),
  )
  for (const server of servers)
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  ;[port, providerPort] = ports as [number, number]
  made = await newPlace()
  const upstream = { upstream: `http://127.0.0.1:${providerPort}`, base_path: "", socket: null }
  const provider = { id: "up", kind: "compatible", auth: "bearer", ...upstream } as const
  await addProvider(reopened(made), { provider, key: null, clock })
  for (const place of [`localhost:${port}`, `127.0.0.1:${port}`, `localhost:${providerPort}`])
    await editEgress(reopened(made), { kind: "allow", place, addresses: null }, clock)
  const addresses = "127.0.0.0/8"
  await editEgress(reopened(made), { kind: "allow", place: null, addresses }, clock)
  return () => {
    for (const server of servers) server.close()
    rmSync(made.top, { recursive: true })
  }
}, 60_000)

async function start(place: Place = copyOf(made)): Promise<StandingGateway> {
  const terms = { host: "127.0.0.1", port: 0, egressPort: 0, clock }
  const gateway = await StandingGateway.start(reopened(place), terms)
  onTestFinished(() => gateway.close())
  return gateway
}

/** What came of a plain request through the proxy. */
function ask({ egressUrl }: StandingGateway, token: string, url: string): Promise<string> {
  const { host } = new URL(url)
  const credentials = Buffer.from(`agent:${token}`).toString("base64")
  const headers = { host, "proxy-authorization": `Basic ${credentials}` }
  return new Promise((resolve, reject) => {
    const asked = request(egressUrl ?? "", { path: url, headers, agent: false }, (response) => {
      let text = ""
      response.setEncoding("utf8").on("data", (piece: string) => (text += piece))
      response.on("end", () => resolve(text))
    })
    asked.on("error", reject).end()
  })
}

async function eventsIn({ workspace }: Place): Promise<readonly Event[]> {
  return withLedger(workspace, async ({ events }) => {
    const found: Event[] = []
    for await (const { leaf } of events.read(workspace.lane, 0)) found.push(eventOf(leaf))
    return found
  })
}

test("a lease opens connections too, in the session of its calls (G3)", async () => {
  const place = copyOf(made)
  const gateway = await start(place)
  const { token } = await gateway.issue(wanted)
  expect(await ask(gateway, token, `http://localhost:${port}/`)).toBe("outside")
  await fetch(`${gateway.url}/up/v1/chat/completions`, {
    method: "POST",
    headers: { "x-api-key": token },
    body: "{}",
  })
  expect(await ask(gateway, token, `http://secret-${token}.test/`)).toContain("egress/not-allowed")
  expect(await ask(gateway, "amc-lease-forged", `http://localhost:${port}/`)).toContain(
    "gateway/lease-unknown",
  )
  await gateway.close()
  const events = await eventsIn(place)
  const kinds = ["llm_request", "network_connect", "network_traffic", "session_seal"]
  const own = events.filter(({ type }) => kinds.includes(type))
  expect(own.map(({ type }) => type).sort()).toEqual(kinds)
  expect(new Set(own.map(({ session }) => session)).size).toBe(1)
  expect(own.at(-1)?.type).toBe("session_seal")
  expect(JSON.stringify(events)).not.toContain(token.slice(12))
})

test("where nothing is allowed there is no way out (G3)", async () => {
  const place = copyOf(made)
  for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `localhost:${providerPort}`])
    await editEgress(reopened(place), { kind: "remove", place: host, addresses: null }, clock)
  expect((await start(place)).egressUrl).toBeNull()
})

test("where nobody signed for what is allowed there is no way out (G3, G4)", async () => {
  const place = copyOf(made)
  const file = join(place.workspace.dir, "gateway.yaml")
  writeFileSync(file, `${readFileSync(file, "utf8")}# more\n`)
  expect((await start(place)).egressUrl).toBeNull()
})

test("a provider is reached through the gateway alone, also where its host is signed for (G3)", async () => {
  const gateway = await start()
  const { token } = await gateway.issue(wanted)
  const said = await ask(gateway, token, `http://localhost:${providerPort}/`)
  expect(said).toContain("egress/provider")
  const edit = { kind: "allow", place: `127.0.0.1:${providerPort}`, addresses: null } as const
  await expect(editEgress(reopened(copyOf(made)), edit, clock)).rejects.toMatchObject({
    code: "usage/invalid",
    message: `'127.0.0.1:${providerPort}' is the provider up`,
  })
})

test("an agent's config and its lease narrow where it may connect to (G3)", async () => {
  const place = copyOf(made)
  const [named, address] = [`localhost:${port}`, `127.0.0.1:${port}`]
  const narrowed = { agent: "a1", providers: [], policy: undefined, clock }
  const bound = await bindAgent(reopened(place), { ...narrowed, egress: { allow: [named] } })
  const gateway = await start(place)
  const { token } = await gateway.issue(wanted)
  expect(await ask(gateway, token, `http://${named}/`)).toBe("outside")
  expect(await ask(gateway, token, `http://${address}/`)).toContain(
    `the allowlist of ${bound.path} does not name this host and port`,
  )
  const other = await gateway.issue({ ...wanted, agent: "a2", egress: { allow: [address] } })
  expect(await ask(gateway, other.token, `http://${address}/`)).toBe("outside")
  expect(await ask(gateway, other.token, `http://${named}/`)).toContain("egress/not-allowed")
  const wide = await gateway.issue({ ...wanted, egress: { allow: [named, "evil.test"] } })
  expect(await ask(gateway, wide.token, "http://evil.test/")).toContain(
    "the allowlist does not name this host and port",
  )
})

test.each([
  { why: "widens", egress: (named: string, other: string) => [named, other], code: "not-allowed" },
  { why: "drops", egress: () => null, code: "not-allowed" },
])(
  "a config that nobody signed for and that $why what was signed changes nothing (F2, G3)",
  async ({ egress, code }) => {
    const place = copyOf(made)
    const [named, address] = [`localhost:${port}`, `127.0.0.1:${port}`]
    const terms = { agent: "a1", providers: [], policy: undefined, clock }
    const bound = await bindAgent(reopened(place), { ...terms, egress: { allow: [named] } })
    const file = join(place.workspace.dir, bound.path)
    const without = readFileSync(file, "utf8").replace(/^egress:[^]*/m, "")
    const list = egress(named, address)
    writeFileSync(
      file,
      list === null ? without : `${without}egress:\n  allow: ${JSON.stringify(list)}\n`,
    )
    const gateway = await start(place)
    const { token } = await gateway.issue(wanted)
    expect(await ask(gateway, token, `http://${address}/`)).toContain(`egress/${code}`)
    expect(await ask(gateway, token, `http://${named}/`)).toBe("outside")
  },
)

test("binding an agent anew leaves what narrows its connections (G3)", async () => {
  const place = copyOf(made)
  const terms = { agent: "a1", providers: [], policy: undefined, clock }
  await bindAgent(reopened(place), { ...terms, egress: { allow: ["a.test"] } })
  const { value } = await bindAgent(reopened(place), { ...terms, policy: { models: ["m"] } })
  expect(value).toMatchObject({ gateway: { models: ["m"] }, egress: { allow: ["a.test"] } })
})

test("a lock and a revoked lease end what is open, and record it before the seal (G3)", async () => {
  const place = copyOf(made)
  const gateway = await start(place)
  const tunnel = async (): Promise<{ readonly closed: Promise<void>; readonly id: string }> => {
    const { token, lease } = await gateway.issue(wanted)
    const socket = connect(Number(new URL(gateway.egressUrl ?? "").port), "127.0.0.1")
    socket.on("error", () => undefined)
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()))
    const credentials = Buffer.from(`agent:${token}`).toString("base64")
    socket.write(
      `CONNECT localhost:${port} HTTP/1.1\r\nProxy-Authorization: Basic ${credentials}\r\n\r\n`,
    )
    await new Promise((resolve) => socket.once("data", resolve))
    return { closed, id: lease.id }
  }
  const [first, second] = [await tunnel(), await tunnel()]
  await gateway.revoke(first.id)
  await first.closed
  await gateway.lock()
  await second.closed
  const ends = (await eventsIn(place)).filter(
    ({ type }) => type === "network_traffic" || type === "session_seal",
  )
  const bySession = Map.groupBy(ends, ({ session }) => session)
  expect(Array.from(bySession.values(), (own) => own.map(({ type }) => type))).toEqual([
    ["network_traffic", "session_seal"],
    ["network_traffic", "session_seal"],
  ])
})

test("no connection leads to the gateway itself, or to its proxy (G3)", async () => {
  const place = copyOf(made)
  const free = (await start(place)) as StandingGateway
  const ports = [free.url, free.egressUrl ?? ""].map((url) => Number(new URL(url).port))
  await free.close()
  for (const own of ports)
    await editEgress(
      reopened(place),
      { kind: "allow", place: `localhost:${own}`, addresses: null },
      clock,
    )
  const [gatewayPort = 0, egressPort = 0] = ports
  const terms = { host: "127.0.0.1", port: gatewayPort, egressPort, clock }
  const gateway = await StandingGateway.start(reopened(place), terms)
  onTestFinished(() => gateway.close())
  const { token } = await gateway.issue(wanted)
  for (const own of ports)
    expect(await ask(gateway, token, `http://localhost:${own}/`)).toContain("AMC itself")
})
