import { once } from "node:events"
import { readFileSync } from "node:fs"
import { type AddressInfo, createServer, type Server } from "node:net"
import { join } from "node:path"
import { setTimeout as pause } from "node:timers/promises"
import { afterAll, beforeAll, expect, test } from "vitest"
import {
  helloFor,
  RawClient,
  recordOf,
  serverHello,
} from "../packages/gateway/src/egress-lab.fixture.ts"
import { amc } from "./testing/amc.ts"
import { connectionsOf, eventsOf, measuredOf, type StoredEvent } from "./testing/evidence.ts"
import { issueLease, type Standing, startGateway } from "./testing/gateway.ts"
import { startUpstream, type Upstream } from "./testing/upstream.ts"
import { addProvider, makeWorkspace, type TestWorkspace } from "./testing/workspace.ts"

/** What each client does to the gateway or the proxy, and what ends it: one of the signed clocks. */
const clocks = "clocks: {request: 2, connect: 1, headers: 2, idle: 2, total: 5}\n"
const noise = Buffer.alloc(64 * 1024, "x")

let own: TestWorkspace
let upstream: Upstream
/** Takes connections, and says what a test asks of it. */
let host: Server
let hostPort = 0
/** Takes connections and says nothing. */
const mute = createServer((socket) => void socket.on("error", () => undefined))
let gateway: Standing
const cut = { gateway: Promise.withResolvers<void>(), proxy: Promise.withResolvers<void>() }
const tokens = { slow: "", steady: "" }
let events: readonly StoredEvent[] = []

beforeAll(async () => {
  own = await makeWorkspace()
  upstream = await startUpstream(({ target }, response) => {
    if (target === "/silent") return
    if (target === "/json") return void response.end("{}")
    response.writeHead(200, { "content-type": "text/event-stream" })
    if (target === "/flood") return flood(response, cut.gateway.resolve)
    response.write("data: 1\n\n")
    if (target !== "/drip") return
    const drip = setInterval(() => response.write(":\n"), 100)
    response.on("close", () => clearInterval(drip))
  })
  host = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => undefined)
    socket.once("data", (piece: Buffer) => {
      if (piece[0] === 22) socket.write(serverHello)
      else if (piece.includes("/flood")) {
        socket.write("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n")
        flood(socket, cut.proxy.resolve)
      }
    })
  })
  host.listen(0, "127.0.0.1")
  await once(host, "listening")
  hostPort = (host.address() as AddressInfo).port
  await addProvider(own, "slow", upstream)
  mute.listen(0, "127.0.0.1")
  await once(mute, "listening")
  const { port } = mute.address() as AddressInfo
  await addProvider(own, "mute", { origin: `https://127.0.0.1:${port}` })
  const allowed = ["egress", "allow", `localhost:${hostPort}`, "--addresses", "127.0.0.1/32"]
  expect((await amc(own, allowed)).exit).toBe(0)
  const path = join(own.dir, "gateway.yaml")
  own.write(".amc/gateway.yaml", readFileSync(path, "utf8") + clocks)
  const signed = await amc(own, ["config", "sign", "gateway.yaml"])
  expect(signed.exit, signed.stderr).toBe(0)
  gateway = await startGateway(own)
  for (const agent of ["slow", "steady"] as const)
    tokens[agent] = (await issueLease(own, agent, "slow", ["--provider", "mute"])).token
}, 240_000)

afterAll(async () => {
  await gateway?.stop()
  await upstream?.close()
  host?.close()
  mute.close()
  await own?.close()
})

/** Answers without end, to whom the proxy and the gateway forwarded. */
function flood(to: NodeJS.WritableStream, cut: () => void): void {
  to.once("close", cut)
  const more = (): void => {
    while (to.writable) if (!to.write(noise)) return void to.once("drain", more)
  }
  more()
}

const port = (url: string | null): number => Number(new URL(url ?? "").port)

/** A client of the gateway, or of the proxy, that has sent something. */
function visitor(where: "gateway" | "proxy", ...sent: readonly (string | Uint8Array)[]): RawClient {
  const client = new RawClient(port(where === "gateway" ? gateway.url : gateway.egressUrl))
  for (const bytes of sent) client.send(bytes)
  return client
}

/** A client that has sent the head of a call. */
function asking(path: string, length = "Content-Length: 0", provider = "slow"): RawClient {
  const fields = ["Host: x", `x-api-key: ${tokens.slow}`, length, "", ""]
  return visitor("gateway", [`POST /${provider}${path} HTTP/1.1`, ...fields].join("\r\n"))
}

/** Goes on to send, a byte each moment, until it is cut off. */
async function dripping(client: RawClient, bytes: Iterable<number>): Promise<RawClient> {
  for (const byte of bytes) {
    if (client.socket.destroyed) break
    client.send(Buffer.of(byte))
    await pause(100)
  }
  await client.closed
  return client
}

/** Reads nothing before whoever answers was cut off; a socket that is not read does not see that it is. */
async function unread(client: RawClient, cut: Promise<void>): Promise<void> {
  await once(client.socket, "connect")
  client.socket.pause()
  await cut
  client.socket.resume()
  await client.closed
}

const spaces = Array.from({ length: 600 }, () => 0x20)
const credentials = (): string =>
  `Proxy-Authorization: Basic ${Buffer.from(`agent:${tokens.slow}`).toString("base64")}\r\n`
const tunnel = (): string =>
  `CONNECT localhost:${hostPort} HTTP/1.1\r\nHost: localhost:${hostPort}\r\n${credentials()}\r\n`
const plain = (path: string): string =>
  `GET http://localhost:${hostPort}${path} HTTP/1.1\r\nHost: localhost:${hostPort}\r\n${credentials()}\r\n`
const hello = helloFor("localhost")

function rssMiB(): number {
  const status = readFileSync(`/proc/${gateway.child.pid}/status`, "utf8")
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024
}

/** Calls of another agent, one after the other, while something goes on. */
async function meanwhile(work: Promise<unknown>): Promise<{ answered: number; mostMiB: number }> {
  let [answered, mostMiB] = [0, 0]
  const over = new AbortController()
  void work.finally(() => over.abort()).catch(() => undefined)
  while (!over.signal.aborted) {
    const answer = await fetch(`${gateway.url}/slow/json`, {
      method: "POST",
      headers: { "x-api-key": tokens.steady },
      body: "{}",
    })
    expect([answer.status, await answer.text()]).toEqual([200, "{}"])
    answered++
    mostMiB = Math.max(mostMiB, rssMiB())
    await pause(20)
  }
  await work
  return { answered, mostMiB }
}

test(
  "each way to be slow is ended by a clock, while other agents are answered in bounded memory (bifrost #7034, #6032, commandcode-proxy #20)",
  { timeout: 120_000 },
  async () => {
    const before = rssMiB()
    const ways = {
      "no byte at all": visitor("gateway").closed,
      "a head byte by byte": dripping(
        visitor("gateway", "POST /slow/json HTTP/1.1\r\nx: "),
        spaces,
      ),
      "a body byte by byte": dripping(asking("/json", "Content-Length: 9999"), spaces),
      "a body in chunks that don't end": asking("/json", "Transfer-Encoding: chunked")
        .send("5\r\nhello\r\n")
        .all(),
      "an answer that nobody reads": unread(asking("/flood"), cut.gateway.promise),
      "a provider that says nothing": asking("/silent").sees("gateway/upstream-timeout"),
      "a provider that makes no handshake": asking("/json", "Content-Length: 0", "mute").sees(
        "gateway/upstream-timeout",
      ),
      "a provider that stops in a stream": asking("/stops").all(),
      "a provider that drips": asking("/drip").all(),
      "a CONNECT that does not end": visitor("proxy", tunnel().slice(0, -2)).all(),
      "a CONNECT byte by byte": dripping(visitor("proxy"), Buffer.from(tunnel().slice(0, 60))),
      "a tunnel with no hello": visitor("proxy", tunnel()).all(),
      "a hello byte by byte": dripping(visitor("proxy", tunnel()), hello),
      "a tunnel in which nothing moves": visitor("proxy", tunnel(), hello).all(),
      "a tunnel that is closed at one end": closedHalf(),
      "a tunnel that drips": dripped(),
      "a plain answer that nobody reads": unread(
        visitor("proxy", plain("/flood")),
        cut.proxy.promise,
      ),
      "a plain request that gets no answer": visitor("proxy", plain("/silent")).sees(
        "egress/timeout",
      ),
    }
    const { answered, mostMiB } = await meanwhile(Promise.all(Object.values(ways)))
    expect(answered).toBeGreaterThan(10)
    expect(mostMiB - before).toBeLessThan(200)
    for (const one of ["a body in chunks that don't end", "a CONNECT that does not end"] as const)
      expect(await ways[one], one).toMatch(/^HTTP\/1\.1 408 [^]*gateway\/slow-request/)
  },
)

/** All of the handshake is said, and nothing follows. */
async function closedHalf(): Promise<void> {
  const client = visitor("proxy", tunnel(), hello)
  await client.sees(serverHello.toString("latin1"))
  client.socket.end()
  await client.closed
}

async function dripped(): Promise<void> {
  const client = visitor("proxy", tunnel(), hello)
  await client.sees(serverHello.toString("latin1"))
  await dripping(client, recordOf(Buffer.alloc(600), 23))
}

test(
  "a thousand connections that say nothing keep nobody out, and are ended",
  { timeout: 120_000 },
  async () => {
    const idle = (["gateway", "proxy"] as const).flatMap((where) =>
      Array.from({ length: 1000 }, () => visitor(where)),
    )
    const { answered, mostMiB } = await meanwhile(Promise.all(idle.map(({ closed }) => closed)))
    expect(answered).toBeGreaterThan(5)
    expect(mostMiB).toBeLessThan(1024)
  },
)

/** The codes of an agent's audits; others are about its session. */
function refusals(agent: string): readonly string[] {
  const subjects = measuredOf(events, "audit", agent).map(({ subject }) => subject)
  return subjects.filter((subject) => subject.includes("/")).toSorted()
}

test(
  "what was slow is evidence with its reason, and the ledger verifies",
  { timeout: 120_000 },
  async () => {
    expect(await gateway.stop()).toBe(0)
    events = await eventsOf(own.dir)
    const ends = measuredOf(events, "llm_response", "slow").map(({ completeness }) => completeness)
    expect(ends.toSorted()).toEqual(["client-gone", ...Array.from({ length: 4 }, () => "timeout")])
    const moved = connectionsOf(events, "network_traffic", "slow")
    const closed = moved.filter(({ completeness }) => completeness !== "open")
    expect(closed).toHaveLength(connectionsOf(events, "network_connect", "slow").length)
    expect(closed.map(({ completeness }) => completeness).toSorted()).toEqual(
      Array.from({ length: 7 }, () => "timeout"),
    )
    expect(refusals("slow")).toEqual([
      "egress/not-tls",
      "egress/not-tls",
      "gateway/slow-request",
      "gateway/slow-request",
    ])
    expect(refusals("steady")).toEqual([])
    const verified = await amc(own, ["verify"])
    expect(verified.exit, verified.stdout).toBe(0)
    const balanced = await amc(own, ["gateway", "reconcile"])
    expect(balanced.exit, balanced.stdout).toBe(0)
  },
)
