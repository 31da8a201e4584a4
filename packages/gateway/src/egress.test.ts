import { createServer as createHttpServer } from "node:http"
import { type AddressInfo, connect, createServer } from "node:net"
import { expect, onTestFinished, test } from "vitest"
import {
  basic,
  type EgressLab,
  type EgressLabTerms,
  extension,
  helloFor,
  openEgressLab,
  RawClient,
  recordOf,
} from "./egress-lab.fixture.ts"
import { diskFull } from "./lab.fixture.ts"

async function lab(terms: EgressLabTerms = {}): Promise<EgressLab> {
  const opened = await openEgressLab(terms)
  onTestFinished(() => opened.close())
  return opened
}

/** Says the same to whoever comes, once it was spoken to. */
const answers: EgressLabTerms["onConnection"] = (socket) =>
  socket.once("data", () => socket.end("answer"))

function client(at: number | string): RawClient {
  const made = new RawClient(at)
  onTestFinished(() => void made.socket.destroy())
  return made
}

const target = ({ host }: EgressLab, name = "host.test"): string => `${name}:${host.port}`

test("a tunnel is recorded before a byte passes and closed with its counts (G3)", async () => {
  const own = await lab({ onConnection: answers })
  own.host.server.on("connection", () => own.recorder.journal.push("dialled"))
  const hello = helloFor("host.test")
  const visitor = client(own.port)
    .send(own.connectHead(target(own)))
    .send(hello)
  await visitor.sees("answer")
  visitor.socket.end()
  await own.recorded("network_traffic", 1)
  expect(visitor.text).toBe("HTTP/1.1 200 Connection Established\r\n\r\nanswer")
  expect(own.host.received).toBe(hello.toString("latin1"))
  expect(own.recorder.journal).toEqual([
    "durable network_connect",
    "dialled",
    "durable network_traffic",
  ])
  const [opened] = own.recorder.of("network_connect")
  expect(opened).toMatchObject({
    agent: "agent-1",
    session: "session-1",
    channel: "gateway:loopback",
    facts: { reported: { requests: [{ method: "CONNECT", target: target(own) }] } },
  })
  expect(own.opened()).toMatchObject([
    {
      kind: "tunnel",
      host: "host.test",
      port: own.host.port,
      address: "127.0.0.1",
      rule: target(own),
      exception: "127.0.0.1/32",
      secrets_found: 0,
    },
  ])
  expect(own.recorder.of("network_traffic")[0]?.facts).toMatchObject({
    measured: {
      connections: [
        {
          connection_id: own.opened()[0]?.connection_id,
          completeness: "complete",
          bytes_sent: hello.length,
          bytes_received: 6,
          status: 0,
        },
      ],
    },
    reported: { hellos: [{ server_name: "host.test", encrypted_hello: false }] },
  })
  expect(JSON.stringify(own.recorder.observations)).not.toContain(own.token)
})

test.each([
  { why: "a host that nobody named", name: "other.test", code: "egress/not-allowed", status: 403 },
  {
    why: "a name with the allowed one in it",
    name: "host.test.evil.test",
    code: "egress/not-allowed",
    status: 403,
  },
  {
    why: "a name that ends like the allowed one",
    name: "evilhost.test",
    code: "egress/not-allowed",
    status: 403,
  },
  { why: "a decimal address", name: "2130706433", code: "egress/bad-target", status: 400 },
  { why: "a hexadecimal address", name: "0x7f000001", code: "egress/bad-target", status: 400 },
  { why: "an octal address", name: "0177.0.0.1", code: "egress/bad-target", status: 400 },
  { why: "a trailing dot", name: "host.test.", code: "egress/bad-target", status: 400 },
  { why: "a user", name: "host.test@evil.test", code: "egress/bad-target", status: 400 },
  {
    why: "an address that only a name leads to",
    name: "127.0.0.1",
    code: "egress/not-allowed",
    status: 403,
  },
])(
  "a tunnel to $why is refused, recorded, and dials nothing (G3)",
  async ({ name, code, status }) => {
    const own = await lab()
    const visitor = client(own.port).send(own.connectHead(target(own, name)))
    expect(await visitor.all()).toContain(`"code":"${code}"`)
    expect(visitor.status).toBe(status)
    await own.recorded("audit", 1)
    expect(own.recorder.observations).toMatchObject([
      {
        type: "audit",
        agent: "agent-1",
        session: "session-1",
        facts: { measured: { code: "NETWORK_EGRESS_BLOCKED", subject: code } },
      },
    ])
    expect([own.host.connections, own.lookups]).toEqual([0, []])
  },
)

test.each([
  { why: "a provider's host", asked: "host.test", provider: "host.test" },
  { why: "a provider's address by another name", asked: "host.test", provider: "127.0.0.1" },
])(
  "a tunnel to $why is refused, whatever is allowed: it would be a call that nobody sees (G3)",
  async (row) => {
    const own = await lab({
      providers: (port) => [`${row.provider}:${port}`],
      allow: (port) => [`host.test:${port}`, `*.host.test:${port}`],
      names: { "other.host.test": ["127.0.0.2"] },
      exceptions: ["127.0.0.0/8"],
    })
    const visitor = client(own.port).send(own.connectHead(target(own, row.asked)))
    expect(await visitor.all()).toContain('"code":"egress/provider"')
    expect(visitor.status).toBe(403)
    await own.recorded("audit", 1)
    expect(own.recorder.observations).toMatchObject([
      { facts: { measured: { code: "NETWORK_EGRESS_BLOCKED", subject: "egress/provider" } } },
    ])
    // Another port, and another host, are none of it.
    const other = client(own.port).send(own.connectHead(target(own, "other.host.test")))
    expect(await other.all()).not.toContain("egress/provider")
    expect(own.host.connections).toBe(0)
  },
)

test("a star stands for names below a domain, not for the domain and not for addresses (G3)", async () => {
  const own = await lab({
    onConnection: answers,
    allow: (port) => [`*.sub.test:${port}`],
    names: {
      "a.sub.test": ["127.0.0.1"],
      "a.b.sub.test": ["127.0.0.1"],
      "sub.test": ["127.0.0.1"],
    },
  })
  for (const name of ["A.sub.test", "a.b.sub.test"]) {
    const good = client(own.port)
      .send(own.connectHead(target(own, name)))
      .send(helloFor(name))
    await good.sees("answer")
  }
  for (const name of ["sub.test", "xsub.test", "127.0.0.1", ".sub.test"]) {
    const bad = client(own.port).send(own.connectHead(target(own, name)))
    expect(await bad.all()).toMatch(/egress\/(?:not-allowed|bad-target)/)
  }
  expect(own.host.connections).toBe(2)
})

test("an entry without a port is for 443 and 80 (G3)", async () => {
  const own = await lab({ allow: () => ["host.test"] })
  const visitor = client(own.port).send(own.connectHead(target(own)))
  expect(await visitor.all()).toContain("egress/not-allowed")
  // 443 is allowed by the list; what answers then is nobody.
  const other = client(own.port).send(own.connectHead("host.test:443"))
  expect(await other.all()).toContain("egress/unreachable")
  expect(own.opened()[0]?.port).toBe(443)
  await own.recorded("network_traffic", 1)
  expect(own.moved()[0]?.completeness).toBe("upstream-unreachable")
})

test.each([
  { why: "a private address", answer: ["10.0.0.1"] },
  { why: "loopback", answer: ["127.0.0.1"] },
  { why: "a cloud's metadata", answer: ["169.254.169.254"] },
  { why: "a private address behind a public one", answer: ["8.8.8.8", "10.0.0.1"] },
  { why: "a mapped address", answer: ["::ffff:127.0.0.1"] },
  { why: "what is no address", answer: ["host.evil"] },
])(
  "a name that leads to $why is refused whole (open-computer-use #198) (G3)",
  async ({ answer }) => {
    const own = await lab({ exceptions: [], names: { "host.test": answer } })
    const visitor = client(own.port).send(own.connectHead(target(own)))
    expect(await visitor.all()).toContain("egress/denied-address")
    await own.recorded("audit", 1)
    expect(own.recorder.of("audit")[0]?.facts.measured).toMatchObject({
      code: "NETWORK_EGRESS_BLOCKED",
      subject: "egress/denied-address",
      detail: expect.stringContaining(`host.test:${own.host.port}: it leads to `),
    })
    expect([own.recorder.of("network_connect"), own.host.connections]).toEqual([[], 0])
  },
)

test("a name whose second answer is another address is dialled at the first (rebinding) (G3)", async () => {
  let asked = 0
  const own = await lab({
    onConnection: answers,
    names: { "host.test": async () => (asked++ === 0 ? ["127.0.0.1"] : ["10.0.0.1"]) },
  })
  const visitor = client(own.port)
    .send(own.connectHead(target(own)))
    .send(helloFor("host.test"))
  await visitor.sees("answer")
  expect(asked).toBe(1)
  own.time.now += 1000
  const again = client(own.port).send(own.connectHead(target(own)))
  expect(await again.all()).toContain("egress/denied-address")
})

test("the proxy's own ports and the gateway's are refused, by name and by address (G3)", async () => {
  const gateway = createHttpServer((_request, response) => response.end())
  await new Promise<void>((resolve) => gateway.listen(0, "127.0.0.1", resolve))
  onTestFinished(() => void gateway.close())
  const { port } = gateway.address() as { port: number }
  let proxy = 0
  const ports = { "host.test": ["127.0.0.1"], "other.test": ["127.8.8.8"] }
  const own = await lab({
    allow: () => ["host.test:1", "127.0.0.1:1", `host.test:${port}`, `127.0.0.1:${port}`],
    exceptions: ["127.0.0.0/8"],
    names: ports,
    ownPorts: () => [port, proxy, 1],
  })
  proxy = own.port
  for (const place of [`host.test:${port}`, `127.0.0.1:${port}`, "host.test:1", "127.0.0.1:1"]) {
    const visitor = client(own.port).send(own.connectHead(place))
    expect(await visitor.all()).toContain("AMC itself")
  }
})

test.each([
  {
    why: "another name (SNI mismatch, gh-aw #62547)",
    hello: helloFor("evil.test"),
    code: "egress/server-name",
  },
  { why: "no name", hello: helloFor(null), code: "egress/server-name" },
  {
    why: "another name outside an encrypted hello",
    hello: helloFor("front.test", { extensions: [extension(0xfe0d, Buffer.alloc(50))] }),
    code: "egress/server-name",
  },
  {
    why: "a name that goes on behind a dot",
    hello: helloFor("host.test."),
    code: "egress/server-name",
  },
  { why: "no TLS but HTTP", hello: Buffer.from("GET / HTTP/1.1\r\n\r\n"), code: "egress/not-tls" },
  { why: "no TLS but SSH", hello: Buffer.from("SSH-2.0-OpenSSH\r\n"), code: "egress/not-tls" },
  {
    why: "a hello that never ends",
    hello: helloFor("host.test", { pad: 20_000 }),
    code: "egress/not-tls",
  },
])("a tunnel that says $why reaches nobody (G3)", async ({ hello, code }) => {
  const own = await lab({ onConnection: answers })
  const visitor = client(own.port).send(own.connectHead(target(own)))
  await visitor.sees("200 Connection Established")
  visitor.send(hello)
  await visitor.closed
  await own.recorded("audit", 1)
  await own.recorded("network_traffic", 1)
  expect(own.host.received).toBe("")
  expect(own.recorder.of("audit")[0]?.facts.measured).toMatchObject({
    code: "NETWORK_EGRESS_BLOCKED",
    subject: code,
  })
  expect(own.moved()[0]).toMatchObject({
    completeness: "refused",
    bytes_sent: 0,
    bytes_received: 0,
  })
})

test("what is relayed on its way gets no more than what comes by itself (claude-code #87381, #89165) (G3)", async () => {
  const own = await lab({ onConnection: answers })
  const relay = createServer((socket) => {
    const onward = connect(own.port, "127.0.0.1")
    for (const each of [socket, onward]) each.on("error", () => undefined)
    socket.pipe(onward).pipe(socket)
  })
  await new Promise<void>((resolve) => relay.listen(0, "127.0.0.1", resolve))
  onTestFinished(() => void relay.close())
  const { port } = relay.address() as AddressInfo
  const refusals = await Promise.all(
    [own.port, port].map((at) => client(at).send(own.connectHead("evil.test:443")).all()),
  )
  expect(refusals[0]).toMatch(/^HTTP\/1\.1 403 [^]*egress\/not-allowed/)
  expect(refusals[1]).toBe(refusals[0])
  const visitor = client(port)
    .send(own.connectHead(target(own)))
    .send(helloFor("host.test"))
  await visitor.sees("answer")
  await own.recorded("network_connect", 1)
  expect([own.host.connections, own.recorder.of("audit").length]).toEqual([1, 2])
})

test("an encrypted hello whose outer name is the host passes and is told (microsandbox #709) (G3)", async () => {
  const own = await lab({ onConnection: answers })
  const hello = helloFor("HOST.test", { extensions: [extension(0xfe0d, Buffer.alloc(50))] })
  const visitor = client(own.port)
    .send(own.connectHead(target(own)))
    .send(hello)
  await visitor.sees("answer")
  visitor.socket.end()
  await own.recorded("network_traffic", 1)
  expect(own.recorder.of("network_traffic")[0]?.facts.reported).toEqual({
    hellos: [{ server_name: "HOST.test", encrypted_hello: true }],
  })
})

test("an address that the owner named may go without a server name (G3)", async () => {
  const own = await lab({ onConnection: answers, allow: (port) => [`127.0.0.1:${port}`] })
  const visitor = client(own.port).send(own.connectHead(target(own, "127.0.0.1")))
  visitor.send(helloFor(null))
  await visitor.sees("answer")
  const fronted = client(own.port).send(own.connectHead(target(own, "127.0.0.1")))
  fronted.send(helloFor("front.test"))
  await fronted.closed
  expect(fronted.text).not.toContain("answer")
})

test("a hello that comes byte by byte, or before it was asked for, is read whole (G3)", async () => {
  const own = await lab({ onConnection: answers })
  const hello = helloFor("host.test")
  const slow = client(own.port).send(own.connectHead(target(own)))
  await slow.sees("Established")
  slow.socket.setNoDelay(true)
  for (const byte of hello) {
    slow.send(Buffer.of(byte))
    await new Promise(setImmediate)
  }
  await slow.sees("answer")
  const eager = client(own.port).send(
    Buffer.concat([Buffer.from(own.connectHead(target(own))), hello]),
  )
  await eager.sees("answer")
})

test("what follows a refused CONNECT is never read as a request (smuggling) (G3)", async () => {
  const own = await lab({ onConnection: answers })
  const smuggled = `GET http://${target(own)}/ HTTP/1.1\r\nHost: ${target(own)}\r\nProxy-Authorization: ${basic(own.token)}\r\n\r\n`
  const visitor = client(own.port).send(own.connectHead("evil.test:443") + smuggled)
  const text = await visitor.all()
  expect(text.match(/HTTP\/1\.1/g)).toHaveLength(1)
  expect(own.host.connections).toBe(0)
})

test.each([
  { why: "a length", more: ["Content-Length: 5"] },
  { why: "chunks", more: ["Transfer-Encoding: chunked"] },
  { why: "another Host", more: ["Host: evil.test"] },
])("CONNECT with $why is refused (G3)", async ({ more }) => {
  const own = await lab()
  const visitor = client(own.port).send(own.connectHead(target(own), more))
  expect(await visitor.all()).toMatch(/^HTTP\/1\.1 400 /)
  expect(own.host.connections).toBe(0)
})

test("a client without a lease is asked for one, and one with a wrong lease is told on (G3)", async () => {
  const own = await lab()
  const head = (more: string): string => `CONNECT ${target(own)} HTTP/1.1\r\nHost: x\r\n${more}\r\n`
  const none = client(own.port).send(head(""))
  expect(await none.all()).toMatch(/^HTTP\/1\.1 407 [\s\S]*proxy-authenticate: Basic realm=/)
  expect(own.recorder.observations).toEqual([])
  const wrong = client(own.port).send(head(`Proxy-Authorization: ${basic("amc-lease-forged")}\r\n`))
  expect(await wrong.all()).toMatch(/^HTTP\/1\.1 407 /)
  const junk = client(own.port).send(head("Proxy-Authorization: Digest x=y\r\n"))
  expect(await junk.all()).toMatch(/^HTTP\/1\.1 407 /)
  await own.recorded("audit", 2)
  expect(own.recorder.of("audit")[0]).toMatchObject({
    agent: "_system",
    session: null,
    facts: { measured: { code: "LEASE_REFUSED", subject: "gateway/lease-unknown" } },
  })
  expect(own.host.connections).toBe(0)
})

test("the socket of a run says whose its connections are, and takes no other lease (G3)", async () => {
  const own = await lab({ onConnection: answers })
  const head = (more = ""): string =>
    `CONNECT ${target(own)} HTTP/1.1\r\nHost: ${target(own)}\r\n${more}\r\n`
  const visitor = client(own.socketPath).send(head()).send(helloFor("host.test"))
  await visitor.sees("answer")
  expect(own.recorder.of("network_connect")[0]).toMatchObject({
    agent: "agent-2",
    session: "session-2",
    channel: "gateway:run-socket",
  })
  const foreign = client(own.socketPath).send(head(`Proxy-Authorization: ${basic(own.token)}\r\n`))
  expect(await foreign.all()).toMatch(/^HTTP\/1\.1 403 /)
  await own.recorded("audit", 1)
  expect(own.recorder.of("audit")[0]).toMatchObject({
    agent: "agent-2",
    session: "session-2",
    facts: { measured: { code: "LEASE_REFUSED", subject: "gateway/lease-elsewhere" } },
  })
})

test("a lease that is revoked ends what is open at once, and opens nothing (G3)", async () => {
  const own = await lab({ onConnection: (socket) => socket.on("data", () => socket.write("more")) })
  const visitor = client(own.port)
    .send(own.connectHead(target(own)))
    .send(helloFor("host.test"))
  await visitor.sees("more")
  own.leases.revoke(own.leaseId)
  await visitor.closed
  await own.recorded("network_traffic", 1)
  expect(own.moved()[0]?.completeness).toBe("closed")
  const late = client(own.port).send(own.connectHead(target(own)))
  expect(await late.all()).toMatch(/^HTTP\/1\.1 407 /)
})

test("a lease whose time is over ends what is open at the next byte (G3)", async () => {
  const own = await lab({ onConnection: (socket) => socket.on("data", () => socket.write("more")) })
  const visitor = client(own.port)
    .send(own.connectHead(target(own)))
    .send(helloFor("host.test"))
  await visitor.sees("more")
  own.time.now += 3_600_000
  visitor.send("secret")
  await visitor.closed
  expect(own.host.received).not.toContain("secret")
})

test("a lease of no session opens nothing, since nothing could be recorded of it (G3)", async () => {
  const own = await lab({ lease: { session: null } })
  const visitor = client(own.port).send(own.connectHead(target(own)))
  expect(await visitor.all()).toMatch(/^HTTP\/1\.1 403 /)
  expect(own.host.connections).toBe(0)
})

test("without a ledger nothing is dialled (G3)", async () => {
  const own = await lab()
  own.recorder.before = diskFull
  const visitor = client(own.port).send(own.connectHead(target(own)))
  expect(await visitor.all()).toMatch(/^HTTP\/1\.1 503 [\s\S]*gateway\/cannot-record/)
  expect(own.host.connections).toBe(0)
})

test("a long tunnel is counted while bytes move, and cut when that can't be recorded (G3)", async () => {
  const own = await lab({
    onConnection: (socket) => socket.on("data", () => socket.write("pong")),
    limits: { countEveryMs: 5 },
  })
  const hello = helloFor("host.test")
  const visitor = client(own.port)
    .send(own.connectHead(target(own)))
    .send(hello)
  await visitor.sees("pong")
  while (own.moved().at(-1)?.bytes_received !== 4) await new Promise(setImmediate)
  expect(own.moved().at(-1)).toMatchObject({
    completeness: "open",
    bytes_sent: hello.length,
    bytes_received: 4,
  })
  own.recorder.before = diskFull
  visitor.send("more")
  await visitor.closed
})

test("a flood of refusals leaves some audits and a count (G3)", async () => {
  const own = await lab({ limits: { auditsPerMinute: 2 } })
  for (let n = 0; n < 6; n++) {
    const visitor = client(own.port).send(own.connectHead(`evil-${n}.test:443`))
    await visitor.all()
  }
  await own.egress.close()
  const details = own.recorder.of("audit").map(({ facts }) => facts.measured.detail)
  expect(details).toHaveLength(3)
  expect(details[2]).toMatch(/; 4 more were not recorded one by one$/)
})

test("a secret in a host name is not in the ledger (G3)", async () => {
  const own = await lab({ allow: (port) => [`*.evil.test:${port}`] })
  const hex = Buffer.from(own.token).toString("hex").slice(0, 60)
  const name = `${own.token.replace(/^amc-lease-/, "").toLowerCase()}.evil.test`
  for (const host of [`user:${own.token}@evil.test`, name, `${hex}.evil.test`]) {
    const visitor = client(own.port).send(own.connectHead(`${host}:443`))
    await visitor.all()
  }
  await own.recorded("audit", 3)
  expect(JSON.stringify(own.recorder.observations)).not.toContain(own.token)
})

test.each([
  {
    why: "connections at once",
    limits: { openPerLease: 1 },
    status: 503,
    audit: "GATEWAY_REQUEST_REFUSED",
  },
  {
    why: "connections in all",
    limits: { connectionsPerLease: 1 },
    status: 429,
    audit: "SESSION_LIMIT_EXCEEDED",
  },
] as const)("a lease has so many $why (G3)", async ({ limits, status, audit }) => {
  const own = await lab({ limits })
  const first = client(own.port).send(own.connectHead(target(own)))
  await first.sees("Established")
  const second = client(own.port).send(own.connectHead(target(own)))
  await second.all()
  expect(second.status).toBe(status)
  await own.recorded("audit", 1)
  expect(own.recorder.of("audit")[0]?.facts.measured.code).toBe(audit)
})

test.each([
  { why: "sent", answer: "", sent: 5000 },
  { why: "received", answer: "x".repeat(5000), sent: 0 },
])("a lease moves so many bytes and no more, $why (G3)", async ({ answer, sent }) => {
  const own = await lab({
    onConnection: (socket) => socket.once("data", () => socket.write(answer)),
    limits: { bytesPerLease: 2000 },
  })
  const visitor = client(own.port)
    .send(own.connectHead(target(own)))
    .send(helloFor("host.test"))
  await visitor.sees("Established")
  if (sent > 0) visitor.send(recordOf(Buffer.alloc(sent), 23))
  await visitor.closed
  await own.recorded("network_traffic", 1)
  await own.recorded("audit", 1)
  expect(own.moved()[0]?.completeness).toBe("limit")
  expect(own.recorder.of("audit")[0]?.facts.measured).toMatchObject({
    code: "SESSION_LIMIT_EXCEEDED",
    subject: "egress/byte-limit",
  })
  const next = client(own.port).send(own.connectHead(target(own)))
  expect(await next.all()).toMatch(/^HTTP\/1\.1 429 /)
})

test("lookups are bounded in number, and each in time (G3)", async () => {
  const release: (() => void)[] = []
  const hang = () => new Promise<readonly string[]>((resolve) => release.push(() => resolve([])))
  const own = await lab({
    allow: () => ["*.slow.test"],
    names: { "a.slow.test": hang, "b.slow.test": hang, "c.slow.test": hang },
    limits: { lookups: 1, lookupsWaiting: 1, lookupMs: 50 },
  })
  const [first, second] = ["a", "b"].map((name) =>
    client(own.port).send(own.connectHead(`${name}.slow.test:443`)),
  ) as [RawClient, RawClient]
  while (own.lookups.length < 1) await new Promise(setImmediate)
  expect(await first.all()).toMatch(/^HTTP\/1\.1 504 /)
  expect(await second.all()).toMatch(/^HTTP\/1\.1 504 /)
  // The first still holds its thread, and the second its place in the line.
  const third = client(own.port).send(own.connectHead("c.slow.test:443"))
  expect(await third.all()).toMatch(/^HTTP\/1\.1 503 /)
  expect(own.lookups).toEqual(["a.slow.test"])
  for (const one of release) one()
})

test("connections to one name share a lookup for a moment, and ask anew afterwards (G3)", async () => {
  let found: (addresses: readonly string[]) => void = () => undefined
  const own = await lab({
    names: { "host.test": () => new Promise((resolve) => (found = resolve)) },
  })
  const both = [client(own.port), client(own.port)]
  for (const visitor of both) visitor.send(own.connectHead(target(own)))
  while (own.lookups.length < 1) await new Promise(setImmediate)
  for (let n = 0; n < 20; n++) await new Promise(setImmediate)
  found(["127.0.0.1"])
  for (const visitor of both) await visitor.sees("Established")
  const soon = client(own.port).send(own.connectHead(target(own)))
  await soon.sees("Established")
  expect(own.lookups).toEqual(["host.test"])
  own.time.now += 1000
  const third = client(own.port).send(own.connectHead(target(own)))
  while (own.lookups.length < 2) await new Promise(setImmediate)
  found(["10.0.0.1"])
  expect(await third.all()).toContain("egress/denied-address")
})

test("a name with no address is told to be so (srt #353: the rest goes on) (G3)", async () => {
  const own = await lab({
    onConnection: answers,
    allow: (port) => ["gone.test", `host.test:${port}`],
  })
  const gone = client(own.port).send(own.connectHead("gone.test:443"))
  expect(await gone.all()).toMatch(/^HTTP\/1\.1 502 [\s\S]*egress\/unresolved/)
  const visitor = client(own.port)
    .send(own.connectHead(target(own)))
    .send(helloFor("host.test"))
  await visitor.sees("answer")
})

test("a client that hangs up in any phase leaves nothing open (G3)", async () => {
  let found: (addresses: readonly string[]) => void = () => undefined
  const own = await lab({
    names: { "host.test": () => new Promise((resolve) => (found = resolve)) },
    limits: { openPerLease: 1 },
  })
  const looking = client(own.port).send(own.connectHead(target(own)))
  while (own.lookups.length < 1) await new Promise(setImmediate)
  looking.socket.destroy()
  await looking.closed
  for (let n = 0; n < 20; n++) await new Promise(setImmediate)
  found(["127.0.0.1"])
  await new Promise(setImmediate)
  const [connected, joined] = [client(own.port), client(own.port)]
  for (const [visitor, hello] of [
    [connected, ""],
    [joined, helloFor("host.test")],
  ] as const) {
    own.time.now += 1000
    const before: number = own.lookups.length
    visitor.send(own.connectHead(target(own)))
    while (own.lookups.length === before) {
      if (visitor.text !== "") throw new Error(visitor.text)
      await new Promise(setImmediate)
    }
    found(["127.0.0.1"])
    await visitor.sees("Established")
    visitor.send(hello)
    const count = own.moved().length
    visitor.socket.resetAndDestroy()
    await own.recorded("network_traffic", count + 1)
  }
  const ends = own.moved().map(({ completeness }) => completeness)
  expect(ends).toEqual(["client-gone", "client-gone"])
  while (own.host.sockets.size > 0) await new Promise(setImmediate)
})

test("a host that breaks off breaks the tunnel off (G3)", async () => {
  const own = await lab({
    onConnection: (socket) => socket.once("data", () => socket.resetAndDestroy()),
  })
  const visitor = client(own.port)
    .send(own.connectHead(target(own)))
    .send(helloFor("host.test"))
  await visitor.closed
  expect(visitor.isReset).toBe(true)
  await own.recorded("network_traffic", 1)
  expect(own.moved()[0]?.completeness).toBe("upstream-cut")
})

test("a half-open tunnel still carries the other way (half-open) (G3)", async () => {
  const big = "x".repeat(3_000_000)
  const own = await lab({ onConnection: (socket) => socket.once("end", () => socket.end(big)) })
  const visitor = client(own.port)
    .send(own.connectHead(target(own)))
    .send(helloFor("host.test"))
  await visitor.sees("Established")
  visitor.socket.end(recordOf(Buffer.from("last words"), 23))
  const text = await visitor.all()
  expect(text.endsWith(big)).toBe(true)
  expect(own.host.received.endsWith("last words")).toBe(true)
  await own.recorded("network_traffic", 1)
  expect(own.moved()[0]).toMatchObject({
    completeness: "complete",
    bytes_received: big.length,
  })
})

test("a client that does not read holds the host back (G3)", async () => {
  let written = 0
  const own = await lab({
    onConnection: (socket) =>
      socket.once("data", () => {
        const more = (): void => {
          while (!socket.destroyed && written < 64_000_000) {
            written += 64_000
            if (!socket.write(Buffer.alloc(64_000))) return void socket.once("drain", more)
          }
        }
        more()
      }),
    limits: { idleMs: 300 },
  })
  const visitor = client(own.port).send(own.connectHead(target(own)))
  await visitor.sees("Established")
  visitor.socket.pause()
  visitor.send(helloFor("host.test"))
  await own.recorded("network_traffic", 1)
  expect(written).toBeLessThan(32_000_000)
  expect(own.moved()[0]?.completeness).toBe("timeout")
})

test.each([
  { why: "no hello comes", limits: { helloMs: 30 }, hello: "", subject: "egress/not-tls" },
  {
    why: "a hello never ends (slowloris)",
    limits: { helloMs: 30 },
    hello: helloFor("host.test").subarray(0, 40),
    subject: "egress/not-tls",
  },
  { why: "nothing moves", limits: { idleMs: 30 }, hello: helloFor("host.test"), subject: null },
  { why: "its time is over", limits: { totalMs: 30 }, hello: helloFor("host.test"), subject: null },
])("a tunnel ends when $why (G3)", async ({ limits, hello, subject }) => {
  const own = await lab({ limits })
  const visitor = client(own.port)
    .send(own.connectHead(target(own)))
    .send(hello)
  await visitor.closed
  await own.recorded("network_traffic", 1)
  expect(own.moved()[0]?.completeness).toBe("timeout")
  await own.egress.close()
  expect(own.recorder.of("audit").map(({ facts }) => facts.measured.subject)).toEqual(
    subject === null ? [] : [subject],
  )
})

test("a request's head that does not come is not waited for (slowloris) (G3)", async () => {
  const own = await lab({ limits: { headMs: 50 } })
  const visitor = client(own.port).send(`CONNECT ${target(own)} HTTP/1.1\r\nHost: `)
  expect(await visitor.all()).toMatch(/^HTTP\/1\.1 408 /)
})

test("an over-long head is refused (G3)", async () => {
  const own = await lab()
  const visitor = client(own.port).send(
    own.connectHead(target(own), [`X-Pad: ${"x".repeat(40_000)}`]),
  )
  expect(await visitor.all()).toMatch(/^HTTP\/1\.1 400 /)
})

test("closing the proxy ends what is open and records it (G3)", async () => {
  const own = await lab()
  const visitor = client(own.port)
    .send(own.connectHead(target(own)))
    .send(helloFor("host.test"))
  await visitor.sees("Established")
  await own.egress.close()
  await visitor.closed
  expect(own.moved()[0]?.completeness).toBe("closed")
})

test("a CONNECT behind a request that is not answered yet ends both, and breaks nothing (pipelining) (G3)", async () => {
  const own = await lab({ onConnection: answers })
  const plain = `GET http://${target(own)}/ HTTP/1.1\r\nHost: ${target(own)}\r\nProxy-Authorization: ${basic(own.token)}\r\n\r\n`
  for (const host of ["evil.test:443", target(own)]) {
    const visitor = client(own.port).send(plain + own.connectHead(host) + helloFor("host.test"))
    expect(await visitor.all()).toBe("")
  }
  const after = client(own.port)
    .send(own.connectHead(target(own)))
    .send(helloFor("host.test"))
  await after.sees("answer")
  await own.egress.close()
  const ended = own.moved().filter(({ completeness }) => completeness !== "open")
  expect(ended).toHaveLength(own.opened().length)
  expect(own.opened().length).toBeGreaterThanOrEqual(own.host.connections)
})

test.each([
  { why: "HTTP/0.9", head: "GET http://host.test/\r\n\r\n" },
  { why: "HTTP/2 by prior knowledge", head: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" },
  { why: "a TLS client that takes it for an https proxy", head: helloFor("host.test") },
  { why: "no target at all", head: "CONNECT HTTP/1.1\r\n\r\n" },
  { why: "a path as a target", head: "CONNECT /etc HTTP/1.1\r\nHost: x\r\n\r\n" },
  { why: "bytes of a SOCKS client", head: Buffer.of(5, 1, 0) },
])("$why is told so or cut, and reaches nobody (G3)", async ({ head }) => {
  const own = await lab({ limits: { headMs: 100 } })
  const visitor = client(own.port).send(head)
  expect(await visitor.all()).toMatch(/^(?:HTTP\/1\.1 4\d\d )?/)
  expect([own.host.connections, own.opened()]).toEqual([0, []])
  const after = client(own.port).send(own.connectHead(target(own)))
  await after.sees("Established")
})

test.each([
  { why: "before it is dialled", fail: "resolve" },
  { why: "when its hello is read", fail: "hello" },
] as const)(
  "a defect $why ends that connection with evidence, and no other (G3)",
  async ({ fail }) => {
    const defect = (): never => {
      throw new RangeError("no such thing")
    }
    const own = await lab({
      onConnection: answers,
      names: { "host.test": ["127.0.0.1"] },
      ...(fail === "resolve" && { exceptions: ["127.0.0.1/32"], ownPorts: defect }),
    })
    const visitor = client(own.port).send(own.connectHead(target(own)))
    if (fail === "hello") {
      await visitor.sees("Established")
      own.leases.holds = defect
    }
    visitor.send(helloFor("host.test"))
    await visitor.closed
    await own.recorded("audit", 1)
    expect(own.recorder.of("audit")[0]?.facts.measured).toMatchObject({
      code: "GATEWAY_REQUEST_REFUSED",
      subject: "gateway/defect",
      detail: expect.stringContaining("RangeError: no such thing"),
    })
    if (fail === "resolve") expect(visitor.status).toBe(500)
    else {
      await own.recorded("network_traffic", 1)
      expect(own.moved()[0]).toMatchObject({ completeness: "closed", bytes_sent: 0 })
    }
    expect(own.host.received).toBe("")
    const other = client(own.port).send(own.connectHead("evil.test:443"))
    expect(await other.all()).toContain("egress/not-allowed")
  },
)

test.each(["opening", "counting", "closing"] as const)(
  "a ledger that hangs at the $0 of a tunnel lets no byte of another through (G3)",
  async (phase) => {
    const own = await lab({ onConnection: answers, limits: { countEveryMs: 5, openPerLease: 2 } })
    const stuck = Promise.withResolvers<void>()
    const hang = (): Promise<void> => stuck.promise
    if (phase === "opening") own.recorder.before = hang
    const first = client(own.port).send(own.connectHead(target(own)))
    if (phase !== "opening") {
      await first.sees("Established")
      own.recorder.before = hang
      first.send(helloFor("host.test"))
      await first.sees("answer")
      if (phase === "closing") first.socket.end()
    }
    const second = client(own.port).send(own.connectHead(target(own)))
    second.send(helloFor("host.test"))
    for (let turns = 0; turns < 50; turns++) await new Promise(setImmediate)
    expect(second.text).toBe("")
    expect(own.host.connections).toBe(phase === "opening" ? 0 : 1)
    stuck.resolve()
    await second.sees("answer")
  },
)

test("a lease that is revoked while its connection is being recorded dials nothing (G3)", async () => {
  const own = await lab({ onConnection: answers })
  own.recorder.before = async () => void own.leases.revoke(own.leaseId)
  const visitor = client(own.port).send(own.connectHead(target(own)))
  await visitor.closed
  await own.recorded("network_traffic", 1)
  expect(own.moved()[0]?.completeness).toBe("closed")
  expect(own.host.connections).toBe(0)
})

test("connections that open together share events, and each has its own end (G3)", async () => {
  const own = await lab({ onConnection: answers })
  const visitors = Array.from({ length: 8 }, () =>
    client(own.port)
      .send(own.connectHead(target(own)))
      .send(helloFor("host.test")),
  )
  for (const visitor of visitors) {
    await visitor.sees("answer")
    visitor.socket.end()
  }
  await own.recorded("network_traffic", 8)
  expect(own.recorder.of("network_connect").length).toBeLessThan(8)
  expect(new Set(own.opened().map(({ connection_id: id }) => id)).size).toBe(8)
  const ids = own.moved().map(({ connection_id: id }) => id)
  expect(ids.toSorted()).toEqual(
    own
      .opened()
      .map(({ connection_id: id }) => id)
      .toSorted(),
  )
})
