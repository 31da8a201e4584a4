import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import { type AddressInfo, connect, createServer as createNetServer, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, onTestFinished, test } from "vitest"
import { basic, type EgressLab, openEgressLab, RawClient } from "./egress-lab.fixture.ts"
import { diskFull, sha256 } from "./lab.fixture.ts"

interface WebLab extends EgressLab {
  readonly web: Server
  readonly webPort: number
  readonly seen: {
    readonly url: string
    readonly headers: readonly string[]
    readonly body: Buffer
  }[]
}

/** A proxy with a web server behind it, as `web.test`. */
async function webLab(
  answer: (request: IncomingMessage, response: ServerResponse, body: Buffer) => void,
  terms: Parameters<typeof openEgressLab>[0] = {},
): Promise<WebLab> {
  const seen: { url: string; headers: string[]; body: Buffer }[] = []
  const web = createServer((request, response) => {
    const pieces: Buffer[] = []
    response.on("error", () => undefined)
    request.on("error", () => undefined)
    request.on("data", (piece: Buffer) => pieces.push(piece))
    request.on("end", () => {
      const body = Buffer.concat(pieces)
      seen.push({ url: request.url ?? "", headers: request.rawHeaders, body })
      answer(request, response, body)
    })
  })
  await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve))
  const { port: webPort } = web.address() as AddressInfo
  const own = await openEgressLab({
    allow: () => [`web.test:${webPort}`],
    names: { "web.test": ["127.0.0.1"] },
    ...terms,
  })
  onTestFinished(async () => {
    await own.close()
    web.closeAllConnections()
    await new Promise((resolve) => web.close(resolve))
  })
  return Object.assign(own, { web, webPort, seen })
}

interface Asking {
  readonly method?: string
  readonly url?: string
  readonly host?: string
  readonly more?: readonly string[]
  readonly body?: string
}

function ask(
  own: WebLab,
  { method = "GET", url, host, more = [], body = "" }: Asking = {},
): RawClient {
  const place = `web.test:${own.webPort}`
  const lines = [
    `${method} ${url ?? `http://${place}/a?b=c`} HTTP/1.1`,
    `Host: ${host ?? place}`,
    `Proxy-Authorization: ${basic(own.token)}`,
    "Connection: close",
    ...more,
  ]
  const client = new RawClient(own.port).send(`${lines.join("\r\n")}\r\n\r\n${body}`)
  onTestFinished(() => void client.socket.destroy())
  return client
}

test("a plain request passes with its own headers, less what is for the proxy (G3)", async () => {
  const own = await webLab((_request, response) =>
    response.writeHead(200, { "x-host": "said", connection: "x-hop", "x-hop": "1" }).end("hello"),
  )
  const client = ask(own, {
    method: "POST",
    more: [
      "Authorization: Bearer own",
      "X-Api-Key: own",
      "Proxy-Connection: keep-alive",
      "Proxy-Anything: secret",
      "X-Hop: 1",
      "Connection: X-Hop",
      "Upgrade: websocket",
      "X-Amc-Agent: somebody",
      "Content-Length: 4",
    ],
    body: "body",
  })
  expect(await client.all()).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*hello/)
  expect(client.text).toContain("x-host: said")
  expect(client.text).not.toContain("x-hop")
  const fields = own.seen[0]?.headers.map((text) => text.toLowerCase()).join("\n") ?? ""
  expect(fields).toContain("bearer own")
  expect(fields).toContain("x-api-key")
  expect(fields).toContain(`host\nweb.test:${own.webPort}`)
  expect(fields).not.toMatch(/proxy-|x-hop|upgrade|x-amc|amc-lease/)
  expect(own.seen[0]).toMatchObject({ url: "/a?b=c", body: Buffer.from("body") })
  await own.recorded("network_traffic", 1)
  expect(own.recorder.of("network_connect")[0]?.facts).toMatchObject({
    measured: {
      connections: [{ kind: "http", host: "web.test", address: "127.0.0.1", secrets_found: 0 }],
    },
    reported: {
      requests: [{ method: "POST", target: `http://web.test:${own.webPort}/a` }],
    },
  })
  const [measured] = own.moved()
  expect(measured).toMatchObject({ completeness: "complete", status: 200 })
  expect(measured?.bytes_sent).toBeGreaterThan(100)
  expect(measured?.bytes_received).toBeGreaterThan(50)
})

test.each([
  { why: "another Host", asking: { host: "evil.test" }, code: "egress/host-mismatch" },
  { why: "another port in Host", asking: { host: "web.test" }, code: "egress/host-mismatch" },
  { why: "two Hosts", asking: { more: ["Host: evil.test"] }, code: "egress/host-mismatch" },
  {
    why: "a host that nobody named",
    asking: { url: "http://evil.test/", host: "evil.test" },
    code: "egress/not-allowed",
  },
  {
    why: "an https address",
    asking: { url: "https://web.test/", host: "web.test" },
    code: "egress/bad-target",
  },
  { why: "a path alone", asking: { url: "/a" }, code: "egress/bad-target" },
  {
    why: "a user in it",
    asking: { url: "http://web.test@evil.test/", host: "evil.test" },
    code: "egress/bad-target",
  },
])("a plain request with $why is refused and recorded (G3)", async ({ asking, code }) => {
  const own = await webLab((_request, response) => response.end())
  const client = ask(own, asking)
  expect(await client.all()).toContain(`"code":"${code}"`)
  await own.recorded("audit", 1)
  expect(own.recorder.observations).toMatchObject([
    {
      type: "audit",
      agent: "agent-1",
      facts: { measured: { code: "NETWORK_EGRESS_BLOCKED", subject: code } },
    },
  ])
  expect(own.seen).toEqual([])
})

test.each([
  { why: "a length and chunks (CL+TE)", more: ["Content-Length: 4", "Transfer-Encoding: chunked"] },
  { why: "chunks in another coding", more: ["Transfer-Encoding: chunked, identity"] },
  { why: "two lengths", more: ["Content-Length: 4", "Content-Length: 5"] },
  { why: "a folded header", more: ["X-A: 1", " Transfer-Encoding: chunked"] },
  { why: "a space before the colon", more: ["Transfer-Encoding : chunked"] },
  { why: "a bare line feed", more: ["X-A: 1\nTransfer-Encoding: chunked"] },
])("a request with $why smuggles nothing (G3)", async ({ more }) => {
  const own = await webLab((_request, response) => response.end("one"))
  const smuggled = `0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: web.test:${own.webPort}\r\n\r\n`
  const client = ask(own, { method: "POST", more, body: smuggled })
  await client.all()
  expect(client.text).toMatch(/^HTTP\/1\.1 400 /)
  expect(own.seen).toEqual([])
})

test("each request of a connection is judged by itself (G3)", async () => {
  const own = await webLab((_request, response) => response.end("answer"))
  const place = `web.test:${own.webPort}`
  const request = (host: string): string =>
    `GET http://${host}/ HTTP/1.1\r\nHost: ${host}\r\nProxy-Authorization: ${basic(own.token)}\r\n\r\n`
  const client = new RawClient(own.port).send(
    request(place) + request("evil.test") + request(place),
  )
  onTestFinished(() => void client.socket.destroy())
  await client.sees("answer")
  while (own.seen.length < 2) await new Promise(setImmediate)
  expect(client.text).toContain("egress/not-allowed")
  expect(own.opened()).toHaveLength(2)
})

test("a redirect is passed on as it is (G3)", async () => {
  const own = await webLab((_request, response) =>
    response.writeHead(302, { location: "http://169.254.169.254/" }).end(),
  )
  const client = ask(own)
  expect(await client.all()).toMatch(/^HTTP\/1\.1 302 [\s\S]*location: http:\/\/169\.254/i)
  await own.recorded("network_traffic", 1)
  expect(own.moved()[0]?.status).toBe(302)
})

test("an answer that changes the protocol is no answer (G3)", async () => {
  const own = await webLab(() => undefined)
  own.web.on("upgrade", (_request, socket: Socket) => socket.destroy())
  own.web.removeAllListeners("request")
  own.web.on("request", ({ socket }) =>
    socket.end("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nraw"),
  )
  const client = ask(own)
  expect(await client.all()).toMatch(/^HTTP\/1\.1 502 /)
  expect(client.text).not.toContain("raw")
})

test("big bodies pass whole both ways (G3)", async () => {
  const big = "0123456789".repeat(400_000)
  const own = await webLab((_request, response, body) => response.end(body))
  const chunks = `${big.length.toString(16)}\r\n${big}\r\n0\r\n\r\n`
  const client = ask(own, { method: "PUT", more: ["Transfer-Encoding: chunked"], body: chunks })
  const text = await client.all()
  expect(sha256(own.seen[0]?.body ?? "")).toBe(sha256(big))
  expect(text.length).toBeGreaterThan(big.length)
})

test("the lease in a plain request's head is counted (G3)", async () => {
  const own = await webLab((_request, response) => response.end())
  const client = ask(own, { more: [`X-Leak: ${own.token}`] })
  await client.all()
  expect(own.opened()[0]?.secrets_found).toBe(1)
  expect(JSON.stringify(own.recorder.observations)).not.toContain(own.token)
})

test("without a ledger nothing is asked for (G3)", async () => {
  const own = await webLab((_request, response) => response.end())
  own.recorder.before = diskFull
  expect(await ask(own).all()).toMatch(/^HTTP\/1\.1 503 /)
  expect(own.seen).toEqual([])
})

test("a request without a lease is asked for one (G3)", async () => {
  const own = await webLab((_request, response) => response.end())
  const client = new RawClient(own.port).send(
    `GET http://web.test:${own.webPort}/ HTTP/1.1\r\nHost: web.test:${own.webPort}\r\nConnection: close\r\n\r\n`,
  )
  expect(await client.all()).toMatch(/^HTTP\/1\.1 407 [\s\S]*proxy-authenticate: Basic/)
})

test("a client that hangs up ends the request to the host (G3)", async () => {
  const own = await webLab((_request, response) => void response.write("some"))
  const client = ask(own)
  await client.sees("some")
  client.socket.resetAndDestroy()
  await own.recorded("network_traffic", 1)
  expect(own.moved()[0]?.completeness).toBe("client-gone")
})

test.each([
  { why: "in the middle", head: "some", text: /^HTTP\/1\.1 200 / },
  { why: "before it answered", head: "", text: /^HTTP\/1\.1 502 / },
])("a host that breaks off $why is not taken for one that ended (G3)", async ({ head, text }) => {
  const own = await webLab((request, response) => {
    if (head === "") return void request.socket.destroy()
    response.write(head, () => request.socket.destroy())
  })
  const client = ask(own)
  expect(await client.all()).toMatch(text)
  expect(client.text).not.toContain("\r\n0\r\n\r\n")
  await own.recorded("network_traffic", 1)
  expect(own.moved()[0]?.completeness).toBe("upstream-cut")
})

test("a host that says its status in bytes that no header may have is answered for with 502 (G3)", async () => {
  const own = await webLab((request) => {
    request.socket.end("HTTP/1.1 200 \u0001\r\ncontent-length: 2\r\n\r\nok")
  })
  expect(await ask(own).all()).toMatch(/^HTTP\/1\.1 502 Bad Gateway\r\n/)
  await own.recorded("network_traffic", 1)
  expect(own.moved()[0]?.completeness).toBe("upstream-cut")
})

test("a host that says nothing is not waited for (G3)", async () => {
  const own = await webLab(() => undefined, { limits: { idleMs: 40 } })
  expect(await ask(own).all()).toMatch(/^HTTP\/1\.1 504 /)
  await own.recorded("network_traffic", 1)
  expect(own.moved()[0]?.completeness).toBe("timeout")
})

test("a host that is not there is told to be so (G3)", async () => {
  const own = await webLab((_request, response) => response.end())
  await new Promise((resolve) => own.web.close(resolve))
  expect(await ask(own).all()).toMatch(/^HTTP\/1\.1 502 [\s\S]*egress\/unreachable/)
  await own.recorded("network_traffic", 1)
  expect(own.moved()[0]?.completeness).toBe("upstream-unreachable")
})

test("the proxy says that it is there without a lease (R2)", async () => {
  const own = await webLab((_request, response) => response.end())
  const client = new RawClient(own.port).send(
    "GET /amc/health HTTP/1.1\r\nHost: amc\r\nConnection: close\r\n\r\n",
  )
  expect(await client.all()).toMatch(/^HTTP\/1\.1 200 [\s\S]*\{"ok":true\}/)
})

test("a host that never comes to its answer is not listened to for ever (G3)", async () => {
  const own = await webLab((request) => {
    const more = (): void => {
      if (!request.socket.destroyed)
        request.socket.write("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n", () =>
          setImmediate(more),
        )
    }
    more()
  })
  expect(await ask(own).all()).toMatch(/^HTTP\/1\.1 502 /)
  await own.recorded("network_traffic", 1)
  expect(own.moved()[0]?.completeness).toBe("upstream-cut")
})

test("what passes in heads is on the lease's account too (G3)", async () => {
  const own = await webLab(
    (_request, response) => response.setHeader("x-big", "x".repeat(4000)).end(),
    {
      limits: { bytesPerLease: 4000 },
    },
  )
  expect(await ask(own).all()).toMatch(/^HTTP\/1\.1 200 /)
  expect(await ask(own).all()).toMatch(/^HTTP\/1\.1 429 /)
})

test.each([
  {
    why: "a header in two by a bare line feed",
    raw: "HTTP/1.1 200 OK\r\nx-a: 1\nset-cookie: b\r\n\r\n",
  },
  {
    why: "two lengths",
    raw: "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
  },
  {
    why: "a length and chunks",
    raw: "HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
  },
  { why: "a head without an end", raw: `HTTP/1.1 200 OK\r\nx-a: ${"a".repeat(40_000)}` },
  { why: "no HTTP at all", raw: "220 mail ready\r\n" },
])("an answer with $why is none (response splitting) (G3)", async ({ raw }) => {
  const own = await webLab((request) => void request.socket.end(raw))
  expect(await ask(own).all()).toMatch(/^HTTP\/1\.1 502 /)
})

test("an answer and bytes behind it are one answer (response splitting) (G3)", async () => {
  const second = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged"
  const own = await webLab(
    (request) => void request.socket.end(`HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok${second}`),
  )
  const text = await ask(own).all()
  expect(text).not.toContain("forged")
  expect(text.match(/HTTP\/1\.1/g)).toHaveLength(1)
})

test("plain requests that are sent on without waiting are made one after another, and do not wait without end (pipelining) (G3)", async () => {
  const waiting: (() => void)[] = []
  const own = await webLab((_request, response) => void waiting.push(() => response.end("ok")))
  const place = `web.test:${own.webPort}`
  const one = (more = ""): string =>
    `GET http://${place}/ HTTP/1.1\r\nHost: ${place}\r\nProxy-Authorization: ${basic(own.token)}\r\n${more}\r\n`
  const client = new RawClient(own.port).send(one().repeat(3))
  onTestFinished(() => void client.socket.destroy())
  for (let count = 1; count <= 3; count++) {
    while (waiting.length === 0) await new Promise(setImmediate)
    expect(own.opened()).toHaveLength(count)
    waiting.shift()?.()
  }
  client.send(one() + one(`X-Long: ${"y".repeat(20_000)}\r\n`).repeat(20))
  await client.closed
})

test.each(["GET", "HEAD", "DELETE", "OPTIONS", "POST"])(
  "the body of a %s stays one, whatever Connection says of its length (smuggling) (G3)",
  async (method) => {
    const own = await webLab((_request, response) => response.end())
    const body = "GET /smuggled HTTP/1.1\r\nHost: evil.test\r\n\r\n"
    const length = `Content-Length: ${body.length}`
    await ask(own, { method, more: [length, "Connection: content-length"], body }).all()
    expect(own.seen).toMatchObject([{ url: "/a?b=c", body: Buffer.from(body) }])
  },
)

/** What the kernel takes for a client on a unix socket that reads nothing. */
async function unreadRoom(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "amc-egress-room-"))
  const server = createNetServer().listen(join(folder, "socket"))
  const accepted = once(server, "connection") as Promise<[Socket]>
  const client = connect(join(folder, "socket")).pause()
  const [socket] = await accepted
  while (socket.write(Buffer.alloc(1 << 14))) await new Promise(setImmediate)
  const room = socket.bytesWritten - socket.writableLength
  for (const each of [client, socket]) each.destroy()
  server.close()
  rmSync(folder, { recursive: true })
  return room
}

test("who takes all of a plain answer but its last piece is cut off by the idle clock, though the host is done (G3)", async () => {
  const answer = Buffer.alloc((await unreadRoom()) + (1 << 15), "x")
  const own = await webLab((_request, response) => response.end(answer), {
    limits: { idleMs: 300 },
  })
  const place = `web.test:${own.webPort}`
  const client = new RawClient(own.socketPath)
  onTestFinished(() => void client.socket.destroy())
  client.socket.pause()
  client.send(`GET http://${place}/ HTTP/1.1\r\nHost: ${place}\r\n\r\n`)
  await own.recorded("network_traffic", 1)
  expect(own.moved()[0]).toMatchObject({ completeness: "timeout", status: 200 })
  expect(own.moved()[0]?.bytes_received).toBeGreaterThan(answer.length)
})

test.each([
  ["TRACE", "100-continue"],
  ["OPTIONS", "what-nobody-knows"],
  ["PROPFIND", "100-continue"],
])(
  "%s that expects %s reaches the host and shows it no credentials of the proxy (G3)",
  async (method, expected) => {
    const own = await webLab((request, response) => response.end(request.rawHeaders.join("\n")))
    const client = ask(own, { method, more: [`Expect: ${expected}`, "Max-Forwards: 0"] })
    expect(await client.all()).toContain("HTTP/1.1 200 ")
    expect(client.text).not.toContain(own.token)
    expect(own.seen.flatMap(({ headers }) => headers).join("\n")).not.toMatch(/proxy-auth|expect/i)
  },
)
