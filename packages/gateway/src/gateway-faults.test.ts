import { once } from "node:events"
import { readdirSync, statSync } from "node:fs"
import { get } from "node:http"
import { connect, createServer, type Socket } from "node:net"
import { gzipSync } from "node:zlib"
import { AmcError, type ErrorCode } from "@amc/core"
import OpenAI from "openai"
import { expect, onTestFinished, test } from "vitest"
import {
  diskFull,
  type Handler,
  lab,
  type Lab,
  openLab,
  rawRequest,
  sha256,
  storedText,
  talk,
} from "./lab.fixture.ts"

/** One raw request on the loopback port, with the lab's lease. */
function ask(
  opened: Lab,
  method = "GET",
  body = "",
  onData?: (all: string, socket: Socket) => void,
) {
  const bytes = rawRequest(method, "/openai/x", { "x-api-key": opened.token }, body)
  return talk({ port: opened.port }, bytes, onData)
}

/** The one closing event, once it is there. */
async function closing(opened: Lab) {
  await expect.poll(() => opened.recorder.of("llm_response").length).toBe(1)
  return opened.recorder.of("llm_response")[0]!
}

const streamHead: Handler = (_request, response) => {
  response.writeHead(200, { "content-type": "text/event-stream" }).write("data: 1\n\n")
}
const silent: Handler = () => undefined

test("nothing is forwarded, not even a connection, when the request can't be recorded", async () => {
  const opened = await lab()
  opened.recorder.before = diskFull
  const { text } = await ask(opened, "POST", "{}")
  expect(text).toMatch(/^HTTP\/1\.1 503 [^]*"code":"gateway\/cannot-record"/)
  expect(text).not.toContain("x-amc-request-id")
  expect(opened.upstream.connections).toBe(0)
})

test.each<{ why: string; code: ErrorCode }>([
  { why: "the disk is full", code: "store/unavailable" },
  { why: "the queue is full", code: "ledger/busy" },
  { why: "the recorder has died", code: "ledger/closed" },
])(
  "when $why there is 503 with a time to wait, and the provider sees no byte",
  async ({ code }) => {
    const opened = await lab()
    opened.recorder.before = () => {
      throw new AmcError(code, "the recorder fails")
    }
    expect((await ask(opened, "POST", "{}")).text).toMatch(/^HTTP\/1\.1 503 [^]*retry-after: 1\r\n/)
    expect(opened.upstream.connections).toBe(0)
    opened.recorder.before = () => undefined
    expect((await ask(opened)).text).toMatch(/^HTTP\/1\.1 200 /)
  },
)

test("nothing of an answer is given when it can't be recorded", async () => {
  const opened = await lab({ handler: (_request, response) => response.end("the answer") })
  opened.recorder.before = ({ type }) => (type === "llm_response" ? diskFull() : undefined)
  const { text } = await ask(opened)
  expect(text).toMatch(/^HTTP\/1\.1 503 [^]*gateway\/cannot-record/)
  expect(text).not.toContain("the answer")
})

test("a stream that can't be recorded is broken off without its end", async () => {
  const opened = await lab({
    handler: (request, response, body) => {
      streamHead(request, response, body)
      response.end()
    },
  })
  opened.recorder.before = ({ type }) => (type === "llm_response" ? diskFull() : undefined)
  const { text, isReset } = await ask(opened)
  expect(text).toMatch(/data: 1\n\n\r\n$/)
  expect(isReset).toBe(true)
})

test("a body that can't be spooled is not forwarded", async () => {
  const broken = await lab({ limits: { memoryBytes: 10 }, spoolDir: "/dev/null/missing" })
  const { text } = await ask(broken, "POST", "more than ten bytes")
  expect(text).toMatch(/^HTTP\/1\.1 503 [^]*gateway\/cannot-record/)
  expect(broken.upstream.connections).toBe(0)
})

test("a provider that is down gives 502 and its closing event", async () => {
  const opened = await lab({ upstream: { origin: "http://127.0.0.1:1" } })
  const { text } = await ask(opened, "POST", "{}")
  expect(text).toMatch(/^HTTP\/1\.1 502 [^]*x-amc-receipt: [^]*gateway\/upstream-unreachable/)
  const event = await closing(opened)
  expect(event.facts.measured).toMatchObject({
    status: 502,
    from_upstream: false,
    completeness: "upstream-unreachable",
  })
  const body = text.slice(text.indexOf("\r\n\r\n") + 4)
  expect(event.payload).toMatchObject({ sha256: sha256(body), media: "application/problem+json" })
})

test.each([
  { clock: "headers", limits: { headersMs: 50 }, handler: silent, isStreamed: false },
  { clock: "idle", limits: { idleMs: 50 }, handler: streamHead, isStreamed: true },
  { clock: "total, before an answer", limits: { totalMs: 50 }, handler: silent, isStreamed: false },
  { clock: "total, in a stream", limits: { totalMs: 80 }, handler: streamHead, isStreamed: true },
])(
  "a provider that is late by the $clock clock is given up (bifrost #7034, #6032)",
  async ({ limits, handler, isStreamed }) => {
    const opened = await lab({ limits, handler })
    const { text, isReset } = await ask(opened)
    const event = await closing(opened)
    expect(event.facts.measured.completeness).toBe("timeout")
    expect(isReset).toBe(isStreamed)
    expect(event.facts.measured.status).toBe(isStreamed ? 200 : 504)
    if (!isStreamed) expect(text).toMatch(/^HTTP\/1\.1 504 [^]*gateway\/upstream-timeout/)
    if (isStreamed) expect(event.payload).toMatchObject({ size: 9, sha256: sha256("data: 1\n\n") })
  },
)

test.each([
  { why: "a held answer", type: "application/json" },
  { why: "a stream", type: "text/event-stream" },
  {
    why: "a coded stream, of which nothing is unpacked",
    type: "text/event-stream",
    coding: "gzip",
  },
])(
  "the idle clock is of the provider's bytes, and $why that comes piece by piece outlives it (agentgateway #3477)",
  async ({ type, coding = "identity" }) => {
    const body = coding === "gzip" ? gzipSync("x".repeat(30)) : Buffer.from("x".repeat(30))
    const opened = await lab({
      limits: { idleMs: 1000 },
      handler: (_request, response) => {
        response.writeHead(200, { "content-type": type, "content-encoding": coding })
        let at = 0
        const drip = setInterval(() => {
          response.write(body.subarray(at, (at += 2)))
          if (at < body.length) return
          clearInterval(drip)
          response.end()
        }, 100)
      },
    })
    const { text, isReset } = await ask(opened)
    expect([isReset, text.slice(0, 12)]).toEqual([false, "HTTP/1.1 200"])
    expect((await closing(opened)).facts.measured).toMatchObject({
      completeness: "complete",
      body_bytes: body.length,
    })
  },
)

test.each([301, 302, 303, 307, 308, 300])(
  "a redirect (%i) is not followed and not passed on",
  async (status) => {
    const opened = await lab({
      handler: (_request, response) =>
        response.writeHead(status, { location: "http://elsewhere.test/" }).end("moved"),
    })
    const { text } = await ask(opened)
    expect(text).toMatch(/^HTTP\/1\.1 502 [^]*gateway\/upstream-redirect/)
    expect(text).not.toMatch(/elsewhere|moved/)
    expect((await closing(opened)).facts.measured).toMatchObject({
      completeness: "refused",
      status: 502,
    })
    expect(opened.recorder.of("audit")).toMatchObject([
      {
        agent: "agent-1",
        session: "session-1",
        facts: { measured: { code: "GATEWAY_UPSTREAM_REDIRECT" } },
      },
    ])
  },
)

test("a client that leaves while it sends its request leaves no call behind", async () => {
  const opened = await lab({ limits: { memoryBytes: 10 } })
  const socket = connect(opened.port, "127.0.0.1")
  socket.write(
    `POST /openai/x HTTP/1.1\r\nhost: h\r\nx-api-key: ${opened.token}\r\ncontent-length: 900\r\n\r\n${"x".repeat(400)}`,
  )
  await expect
    .poll(() => readdirSync(opened.spoolDir).some((name) => name.startsWith("body-")))
    .toBe(true)
  expect(
    statSync(
      `${opened.spoolDir}/${readdirSync(opened.spoolDir).find((name) => name.startsWith("body-"))}`,
    ).mode & 0o777,
  ).toBe(0o600)
  socket.destroy()
  await expect.poll(() => readdirSync(opened.spoolDir)).toEqual(["gateway.sock"])
  expect(opened.recorder.observations).toEqual([])
  expect(opened.upstream.connections).toBe(0)
})

test("a client that leaves while its request is recorded is not forwarded for", async () => {
  const opened = await lab()
  const leave = { socket: null as Socket | null }
  opened.recorder.before = async ({ type }) => {
    if (type !== "llm_request") return
    leave.socket?.destroy()
    for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate)
  }
  leave.socket = connect(opened.port, "127.0.0.1")
  leave.socket.write(rawRequest("GET", "/openai/x", { "x-api-key": opened.token }))
  const event = await closing(opened)
  expect(event.facts.measured).toMatchObject({
    completeness: "client-gone",
    status: 0,
    body_bytes: 0,
  })
  expect(opened.upstream.connections).toBe(0)
})

const phases: readonly { phase: string; handler: Handler; status: number }[] = [
  { phase: "before the answer", handler: silent, status: 0 },
  {
    phase: "in a held answer",
    handler: (_request, response) => response.writeHead(200).write("part"),
    status: 0,
  },
  { phase: "in a stream", handler: streamHead, status: 200 },
]

test.each(
  ["/chat/completions", "/responses", "/messages"].flatMap((path) =>
    phases.map((each) => ({ ...each, path })),
  ),
)(
  "a client that leaves $phase of $path ends the provider's work (LiteLLM #30244, #30245, #31499, #36123, #36126, #37140, #9178)",
  async ({ handler, status, path }) => {
    let upstreamClosed = false
    let seen = (): void => undefined
    const reached = new Promise<void>((resolve) => (seen = resolve))
    const opened = await lab({
      handler: (request, response, body) => {
        response.on("close", () => (upstreamClosed = true))
        handler(request, response, body)
        seen()
      },
    })
    const socket = connect(opened.port, "127.0.0.1")
    socket.write(rawRequest("POST", `/openai${path}`, { "x-api-key": opened.token }, "{}"))
    await reached
    if (status === 200) await once(socket, "data")
    socket.destroy()
    const event = await closing(opened)
    expect(event.facts.measured).toMatchObject({ completeness: "client-gone", status })
    expect(event.receipt).toBeDefined()
    await expect.poll(() => upstreamClosed).toBe(true)
  },
)

test.each([
  { how: "reset", cut: (socket: Socket) => socket.resetAndDestroy() },
  { how: "closed", cut: (socket: Socket) => socket.destroy() },
])("a stream that the provider breaks off ($how) stays broken off", async ({ cut }) => {
  const opened = await lab({
    handler: (request, response, body) => {
      streamHead(request, response, body)
      setImmediate(() => setImmediate(() => cut(response.socket!)))
    },
  })
  const { text, isReset } = await ask(opened)
  expect(isReset).toBe(true)
  expect(text).not.toMatch(/0\r\n\r\n$/)
  expect((await closing(opened)).facts.measured).toMatchObject({
    completeness: "upstream-cut",
    status: 200,
    from_upstream: true,
  })
})

test("an answer that is shorter than its length is broken off, held or streamed", async () => {
  for (const size of [10, 200_000]) {
    const opened = await lab({
      handler: (_request, response) => {
        response
          .writeHead(200, { "content-length": size + 1 })
          .write("x".repeat(size), () => response.socket!.destroy())
      },
    })
    const { text, isReset } = await ask(opened)
    expect(isReset).toBe(true)
    expect(text.startsWith("HTTP/1.1 200")).toBe(size > 65_536)
    expect((await closing(opened)).facts.measured).toMatchObject({
      completeness: "upstream-cut",
      status: size > 65_536 ? 200 : 0,
    })
  }
})

test.each([
  { why: "hangs up before its answer", bytes: "" },
  { why: "talks no HTTP", bytes: "SSH-2.0-OpenSSH\r\n" },
  {
    why: "says its status in bytes that no header may have",
    bytes: "HTTP/1.1 200 \u0001\r\ncontent-type: text/event-stream\r\n\r\ndata: 1\n\n",
    completeness: "refused",
  },
  {
    why: "says so in an answer that would be held",
    bytes: "HTTP/1.1 200 \u0001\r\ncontent-length: 2\r\n\r\n{}",
    completeness: "refused",
  },
])("a provider that $why gives 502", async ({ bytes, completeness = "upstream-cut" }) => {
  const server = createServer((socket) => {
    socket.on("error", () => undefined)
    socket.once("data", () => socket.end(bytes))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  onTestFinished(() => void server.close())
  const { port } = server.address() as { port: number }
  const opened = await lab({ upstream: { origin: `http://127.0.0.1:${port}` } })
  expect((await ask(opened, "POST", "{}")).text).toMatch(
    /^HTTP\/1\.1 502 [^]*gateway\/upstream-unreachable/,
  )
  expect((await closing(opened)).facts.measured).toMatchObject({
    completeness,
    status: 502,
  })
})

test("a WebSocket is refused with 426 at once, and an offer of HTTP/2 is passed over", async () => {
  const opened = await lab()
  const upgrade = (to: string) =>
    talk(
      { port: opened.port },
      rawRequest("GET", "/openai/responses", {
        "x-api-key": opened.token,
        connection: "upgrade",
        upgrade: to,
        "sec-websocket-key": "eA==",
        "sec-websocket-version": "13",
      }),
      (all, socket) => {
        if (all.includes("\r\n0\r\n\r\n") || all.includes("{}")) socket.end()
      },
    )
  expect((await upgrade("websocket")).text).toMatch(
    /^HTTP\/1\.1 426 Upgrade Required\r\n[^]*"code":"gateway\/bad-request"/,
  )
  await expect.poll(() => opened.recorder.of("audit").length).toBe(1)
  expect(opened.recorder.of("audit")[0]).toMatchObject({
    agent: "agent-1",
    facts: { measured: { code: "GATEWAY_REQUEST_REFUSED", subject: "gateway/bad-request" } },
  })
  expect((await upgrade("h2c")).text).toMatch(/^HTTP\/1\.1 200 OK/)
})

test.each([
  { why: "is no HTTP", bytes: "\u0016\u0003\u0001 hello\r\n\r\n" },
  {
    why: "has two lengths",
    bytes: "POST /openai/x HTTP/1.1\r\nhost: h\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
  },
  {
    why: "has a length and is chunked",
    bytes:
      "POST /openai/x HTTP/1.1\r\nhost: h\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
  },
  { why: "has no host", bytes: "GET /openai/x HTTP/1.1\r\nconnection: close\r\n\r\n" },
  { why: "is a tunnel", bytes: "CONNECT api.openai.com:443 HTTP/1.1\r\nhost: h\r\n\r\n" },
  {
    why: "asks to be shown what the provider gets, its key too (TRACE)",
    bytes: "TRACE /openai/x HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n",
  },
  {
    why: "climbs out where a NUL ends the text",
    bytes: "GET /openai/a/..%00/b HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n",
  },
  {
    why: "has an absolute target",
    bytes: "GET http://api.openai.com/openai/x HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n",
  },
  {
    why: "climbs out of the base path",
    bytes: "GET /openai/../admin HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n",
  },
  {
    why: "climbs out in disguise",
    bytes: "GET /openai/a/%2E%2e%2fadmin HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n",
  },
  {
    why: "climbs out as Java's servers let it",
    bytes: "GET /openai/a/..;x=1/%2e%2E%3b/admin HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n",
  },
])("a request that $why gets 400", async ({ bytes }) => {
  const opened = await lab()
  expect((await talk({ port: opened.port }, bytes)).text).toMatch(/^HTTP\/1\.1 400 /)
  expect(opened.upstream.connections).toBe(0)
})

test.each([
  { why: "carries no lease", headers: {}, status: 401, code: "gateway/no-lease" },
  {
    why: "carries a key of the agent's own (G6)",
    headers: { authorization: "Bearer sk-real" },
    status: 401,
    code: "gateway/foreign-key",
    audit: "PROVIDER_KEY_PRESENTED",
  },
  {
    why: "carries a forged lease",
    headers: { "x-api-key": `amc-lease-${"A".repeat(43)}` },
    status: 401,
    code: "gateway/lease-unknown",
  },
])("a request that $why gets $status and is audited", async (row) => {
  const { headers, status, code, audit = "LEASE_REFUSED" } = row
  const opened = await lab()
  const response = await fetch(`${opened.base}/x`, { headers: headers as Record<string, string> })
  expect([response.status, response.headers.get("content-type")]).toEqual([
    status,
    "application/problem+json",
  ])
  expect(await response.json()).toMatchObject({
    status,
    code,
    error: { code, type: "amc_gateway" },
  })
  expect(opened.upstream.connections).toBe(0)
  expect(opened.recorder.of("audit")).toMatchObject([
    {
      agent: "_system",
      session: null,
      facts: { measured: { code: audit, subject: code } },
    },
  ])
  expect(JSON.stringify(opened.recorder.observations)).not.toContain("sk-real")
})

test("an expired lease, one of another ingress, and one for another provider are told apart", async () => {
  const opened = await lab()
  const status = async (token: string, route = "openai") => {
    const response = await fetch(`http://127.0.0.1:${opened.port}/${route}/x`, {
      headers: { "x-api-key": token },
    })
    return [response.status, ((await response.json()) as { code?: string }).code]
  }
  const short = opened.issue({ ttlMs: 10 })
  opened.time.now += 10
  expect(await status(short)).toEqual([401, "gateway/lease-expired"])
  expect(await status(opened.issue({ ingress: "run-socket" }))).toEqual([
    403,
    "gateway/lease-elsewhere",
  ])
  expect(await status(opened.issue({ providers: ["anthropic"] }))).toEqual([
    403,
    "gateway/lease-elsewhere",
  ])
  expect(await status(opened.token, "unknown")).toEqual([404, "gateway/unknown-route"])
  expect(opened.upstream.connections).toBe(0)
})

test("who has no lease on a run's own socket is that run, and its account says so", async () => {
  const opened = await lab()
  opened.issue({ ingress: "run-socket", session: "session-1", agent: "agent-1" })
  const ask = (headers: Record<string, string>): Promise<number> =>
    new Promise((done) =>
      get({ socketPath: opened.socketPath, path: "/openai/x", headers }, (response) =>
        done(response.resume().statusCode ?? 0),
      ),
    )
  expect(await ask({ "x-api-key": `amc-lease-${"A".repeat(43)}` })).toBe(401)
  expect(await ask({ "x-api-key": opened.token })).toBe(403)
  await expect.poll(() => opened.recorder.of("audit").length).toBe(2)
  for (const audit of opened.recorder.of("audit"))
    expect(audit).toMatchObject({
      agent: "agent-1",
      session: "session-1",
      channel: "gateway:run-socket",
      facts: { measured: { code: "LEASE_REFUSED" } },
    })
})

test("a lease on a wrong path is audited on its agent's account", async () => {
  const opened = await lab()
  for (const path of ["/unknown/x", "/openai/../x", "/amc/nothing"])
    await talk({ port: opened.port }, rawRequest("GET", path, { "x-api-key": opened.token }))
  await opened.gateway.close()
  const audits = opened.recorder.of("audit")
  expect(audits.map(({ agent, facts }) => [agent, facts.measured.subject])).toEqual([
    ["agent-1", "gateway/unknown-route"],
    ["agent-1", "gateway/bad-request"],
    ["agent-1", "gateway/unknown-route"],
  ])
})

test("the openai SDK shows the gateway's reason", async () => {
  const opened = await lab()
  const client = new OpenAI({ apiKey: "amc-lease-wrong", baseURL: opened.base, maxRetries: 0 })
  const call = client.chat.completions.create({ model: "m", messages: [] })
  await expect(call).rejects.toMatchObject({
    status: 401,
    code: "gateway/lease-unknown",
    message: "401 AMC gateway: the lease is not one that was issued here",
  })
})

test("a flood of bad leases leaves a bounded number of audits and a count", async () => {
  const opened = await openLab({ limits: { auditsPerMinute: 5 } })
  const flood = Array.from({ length: 200 }, () =>
    fetch(`${opened.base}/x`, { headers: { "x-api-key": "wrong" } }),
  )
  for (const response of await Promise.all(flood)) expect(response.status).toBe(401)
  await opened.close()
  const audits = opened.recorder.of("audit").map((each) => each.facts.measured.detail)
  expect(audits).toHaveLength(6)
  expect(audits[5]).toContain("; 195 more were not recorded one by one")
})

test("headers that an agent forges change nothing of whose traffic it is", async () => {
  const opened = await lab()
  const other = opened.issue({ agent: "agent-2", session: "session-2" })
  await fetch(`${opened.base}/x`, {
    headers: {
      "x-api-key": opened.token,
      "x-amc-agent": "agent-2",
      "x-amc-lease": other,
      "x-amc-session": "session-2",
      "x-forwarded-user": "agent-2",
    },
  })
  expect(opened.recorder.of("llm_request")).toMatchObject([
    { agent: "agent-1", session: "session-1" },
  ])
  expect(opened.upstream.requests[0]!.headers.join()).not.toContain("x-amc-")
})

test("receipts are given to the lease that made the call and to no other", async () => {
  const opened = await lab()
  const response = await fetch(`${opened.base}/x`, { headers: { "x-api-key": opened.token } })
  const url = `http://127.0.0.1:${opened.port}/amc/receipts/${response.headers.get("x-amc-request-id")}`
  const get = (token: string) => fetch(url, { headers: { "x-api-key": token } })
  expect((await get(opened.token)).status).toBe(200)
  expect((await get(opened.issue())).status).toBe(404)
  expect((await fetch(url)).status).toBe(401)
  expect(await (await fetch(`http://127.0.0.1:${opened.port}/amc/health`)).json()).toEqual({
    ok: true,
  })
})

test("a session that has used up its calls gets 429, which SDKs do not repeat", async () => {
  const opened = await lab()
  const headers = { "x-api-key": opened.issue({ maxCalls: 2 }) }
  const statuses: number[] = []
  for (let call = 0; call < 3; call++)
    statuses.push((await fetch(`${opened.base}/x`, { headers })).status)
  expect(statuses).toEqual([200, 200, 429])
  expect(opened.upstream.requests).toHaveLength(2)
  expect(opened.recorder.of("audit")).toMatchObject([
    { agent: "agent-1", facts: { measured: { code: "SESSION_LIMIT_EXCEEDED" } } },
  ])
})

test.each([
  { how: "by its length", stream: false },
  { how: "in chunks", stream: true },
])(
  "a body that is too long $how gets 413, is not forwarded, and is audited",
  async ({ stream }) => {
    const opened = await lab({ limits: { requestBytes: 1000 } })
    const body = stream ? new Blob(["x".repeat(5000)]).stream() : "x".repeat(5000)
    const response = await fetch(`${opened.base}/x`, {
      method: "POST",
      body,
      headers: { "x-api-key": opened.token },
      duplex: "half",
    } as RequestInit)
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([
      413,
      "gateway/body-too-large",
    ])
    expect(opened.upstream.connections).toBe(0)
    expect(opened.recorder.of("audit")).toMatchObject([
      {
        agent: "agent-1",
        facts: { measured: { code: "GATEWAY_REQUEST_REFUSED", subject: "gateway/body-too-large" } },
      },
    ])
    expect(opened.recorder.of("llm_request")).toEqual([])
  },
)

test("200 MB in chunks get 413 in bounded memory, and leave no file", async () => {
  const opened = await lab()
  const piece = Buffer.alloc(1 << 20, "x")
  const before = process.memoryUsage().rss
  let highest = before
  const chunks = async function* () {
    for (let sent = 0; sent < 200; sent++) {
      highest = Math.max(highest, process.memoryUsage().rss)
      yield piece
    }
  }
  const response = await fetch(`${opened.base}/x`, {
    method: "POST",
    body: chunks() as never,
    headers: { "x-api-key": opened.token },
    duplex: "half",
  } as RequestInit)
  expect(response.status).toBe(413)
  await response.text()
  expect(highest - before).toBeLessThan(150 << 20)
  expect(readdirSync(opened.spoolDir)).toEqual(["gateway.sock"])
})

test("a client that does not read holds the provider back instead of filling memory (commandcode-proxy #20)", async () => {
  let pushed = 0
  const piece = Buffer.alloc(1 << 16, "x")
  const opened = await lab({
    handler: (_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" })
      const push = (): void => {
        while (pushed < 1 << 28) {
          pushed += piece.length
          if (!response.write(piece)) return void response.once("drain", push)
        }
        response.end()
      }
      push()
    },
  })
  const socket = connect(opened.port, "127.0.0.1")
  socket.pause().write(rawRequest("GET", "/openai/x", { "x-api-key": opened.token }))
  let [last, still] = [-1, 0]
  await expect
    .poll(() => ((still = pushed === last && pushed > 0 ? still + 1 : 0), (last = pushed), still), {
      timeout: 20_000,
    })
    .toBeGreaterThan(5)
  expect(pushed).toBeLessThan(32 << 20)
  socket.resume()
  await once(socket, "close")
  expect((await closing(opened)).facts.measured).toMatchObject({ completeness: "complete" })
  expect(pushed).toBe(1 << 28)
})

test("an answer that is coded all the same passes as it is; the digest is of what is in it", async () => {
  const plain = JSON.stringify({
    model: "m",
    choices: [],
    usage: { prompt_tokens: 3, completion_tokens: 4 },
  })
  const coded = gzipSync(plain)
  const opened = await lab({
    handler: (_request, response) =>
      response
        .writeHead(200, {
          "content-type": "application/json",
          "content-encoding": "gzip",
          "content-length": coded.length,
        })
        .end(coded),
  })
  const body = '{"model":"m"}'
  const { text } = await talk(
    { port: opened.port },
    rawRequest("POST", "/openai/chat/completions", { "x-api-key": opened.token }, body),
  )
  expect(text.endsWith(coded.toString("latin1"))).toBe(true)
  const event = await closing(opened)
  expect(event.payload).toMatchObject({ sha256: sha256(plain), size: plain.length })
  expect(event.facts).toMatchObject({
    measured: { body_bytes: coded.length, facts_truncated: false },
    reported: { input_tokens: 3, output_tokens: 4 },
  })
  expect(storedText(event)).toBe(plain)
})

test("closing the gateway ends open calls with their evidence", async () => {
  const opened = await openLab({ handler: streamHead })
  const socket = connect(opened.port, "127.0.0.1")
  socket.on("error", () => undefined)
  socket.write(rawRequest("GET", "/openai/x", { "x-api-key": opened.token }))
  await once(socket, "data")
  await opened.close()
  expect(opened.recorder.of("llm_response")).toMatchObject([
    { facts: { measured: { completeness: "client-gone" } } },
  ])
})

test("a Retry-After is kept as a time to wait", async () => {
  const opened = await lab({
    handler: (_request, response) => response.writeHead(429, { "retry-after": "7" }).end("{}"),
  })
  const { text } = await ask(opened)
  expect(text).toMatch(/^HTTP\/1\.1 429 [^]*retry-after: 7/)
  expect((await closing(opened)).facts.measured).toMatchObject({
    status: 429,
    retry_after_ms: 7000,
    from_upstream: true,
  })
})

test("bodies that are too large together get 413 and the session's limit is audited, once past it for all", async () => {
  const opened = await lab({ limits: { leaseBytes: 2500, memoryBytes: 100 } })
  const send = async (token: string): Promise<number> => {
    const headers = { "x-api-key": token }
    const body = "x".repeat(1000)
    const response = await fetch(`${opened.base}/x`, { method: "POST", body, headers })
    await response.arrayBuffer()
    return response.status
  }
  const statuses: number[] = []
  for (let call = 0; call < 4; call++) statuses.push(await send(opened.token))
  expect([...statuses, await send(opened.issue())]).toEqual([200, 200, 413, 413, 200])
  expect(opened.upstream.requests.length).toBe(3)
  expect(opened.recorder.of("audit")[0]).toMatchObject({
    agent: "agent-1",
    session: "session-1",
    facts: { measured: { code: "SESSION_LIMIT_EXCEEDED", subject: "gateway/byte-limit" } },
  })
})

test("a body longer than what is stored is forwarded whole and recorded by its digest alone", async () => {
  const opened = await lab({ limits: { storedRequestBytes: 2000, memoryBytes: 100 } })
  for (const size of [2000, 2001]) {
    const headers = { "x-api-key": opened.token }
    const init = { method: "POST", body: "x".repeat(size), headers }
    expect((await fetch(`${opened.base}/x`, init)).status).toBe(200)
  }
  const [stored, large] = opened.recorder.of("llm_request")
  expect(storedText(stored!)?.length).toBe(2000)
  expect(large?.payload).toMatchObject({
    blob: null,
    size: 2001,
    sha256: sha256("x".repeat(2001)),
  })
  expect(opened.upstream.requests.map(({ body }) => body.length)).toEqual([2000, 2001])
  expect(readdirSync(opened.spoolDir).filter((name) => name.startsWith("body-")).length).toBe(1)
})

test("secrets in headers that are forwarded are counted; the header with the lease is not forwarded", async () => {
  const opened = await lab()
  const send = (more: Record<string, string>) =>
    fetch(`${opened.base}/x`, { headers: { authorization: `Bearer ${opened.token}`, ...more } })
  await send({})
  await send({
    "x-note": `see ${opened.token}`,
    "x-other": Buffer.from(opened.key).toString("hex"),
  })
  await send({ "x-api-key": opened.token })
  const found = opened.recorder.of("llm_request").map(({ facts }) => facts.measured.secrets_found)
  expect(found).toEqual([0, 2, 0])
  expect(opened.upstream.requests[1]?.headers).toContain(`see ${opened.token}`)
})
