import { once } from "node:events"
import { request as httpRequest } from "node:http"
import { gzipSync } from "node:zlib"
import { expect, test } from "vitest"
import { invokeStream } from "./event-stream.fixture.ts"
import { type Handler, lab, type Lab, rawRequest, sha256, talk } from "./lab.fixture.ts"
import { eventsOf } from "./reading.fixture.ts"
import type { Upstream } from "./upstream.ts"

const anthropic = { basePath: "", keyPlace: "x-api-key" } as const
const gemini = { basePath: "", keyPlace: "x-goog-api-key" } as const
const bare = { basePath: "" } as const

const messageEvents = eventsOf(
  { type: "message_start", message: { model: "claude-x", usage: { input_tokens: 3 } } },
  { type: "ping" },
  { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 5 } },
  { type: "message_stop" },
)
const streamed: Handler = (_request, response) => {
  response.writeHead(200, { "content-type": "text/event-stream" }).end(messageEvents)
}

/** One raw request with the lease as its `x-api-key`. */
function send(opened: Lab, method: string, path: string, headers = {}, body = "") {
  const fields = { "x-api-key": opened.token, "content-type": "application/json", ...headers }
  const bytes = rawRequest(method, `/openai${path}`, fields, body)
  return talk({ port: opened.port }, bytes)
}

const claudeBody = JSON.stringify({
  model: "claude-x",
  stream: true,
  system: [{ type: "text", text: "You are\u2028…", cache_control: { type: "ephemeral" } }],
  unknown_member: { kept: "number" },
  messages: [],
}).replace('"number"', "1e400")

test("Claude Code's contract: /v1/messages?beta=true is known by its path, and passes with its query", async () => {
  const opened = await lab({ upstream: anthropic, handler: streamed })
  const { text } = await send(opened, "POST", "/v1/messages?beta=true", {}, claudeBody)
  expect(text).toContain(messageEvents.split("\n")[0])
  expect(opened.upstream.requests[0]!.url).toBe("/v1/messages?beta=true")
  expect(opened.recorder.of("llm_request")[0]!.facts.reported).toEqual({
    format: "anthropic.messages",
    model: "claude-x",
    path: "/v1/messages",
    stream: true,
    tools: 0,
  })
  expect(opened.recorder.of("llm_response")[0]!.facts.reported).toMatchObject({
    model: "claude-x",
    input_tokens: 3,
    output_tokens: 5,
  })
})

test("Claude Code's contract: the body goes on byte for byte, system block and unknown members too (agentic-api #114)", async () => {
  const opened = await lab({ upstream: anthropic, handler: streamed })
  await send(opened, "POST", "/v1/messages?beta=true", {}, claudeBody)
  expect(opened.upstream.requests[0]!.body.toString()).toBe(claudeBody)
})

const betas =
  "claude-code-20250219,interleaved-thinking-2025-05-14,a_b-1, fine-grained-tool-streaming-2025-05-14,context-1m-2025-08-07"

test("Claude Code's contract: anthropic-beta, anthropic-version and all that agents say of themselves pass byte for byte, in their order, twice if they are there twice (trap 4, trap 5, LiteLLM #9016, Portkey #1463, CLIProxyAPI #5745)", async () => {
  const opened = await lab({ upstream: anthropic })
  const own = [
    ["anthropic-version", "2023-06-01"],
    ["anthropic-beta", betas],
    ["Anthropic-Beta", "second-1"],
    ["X-Stainless-Retry-Count", "0"],
    ["X-Stainless-Package-Version", "1.12.0"],
    ["x-client-request-id", "b7b1f0f2"],
    ["x-codex-turn-metadata", '{"turn_id":"é","n":[1,2]}'],
    ["x-session-affinity", "s-1"],
    ["anthropic-dangerous-direct-browser-access", "true"],
  ] as const
  const lines = own.map(([name, value]) => `${name}: ${value}\r\n`).join("")
  const head = `GET /openai/v1/models HTTP/1.1\r\nhost: g\r\nx-api-key: ${opened.token}\r\n${lines}connection: close\r\n\r\n`
  await talk({ port: opened.port }, Buffer.from(head, "latin1"))
  const { headers } = opened.upstream.requests[0]!
  const pairs = own.flatMap(([name, value]) => [name, value])
  expect(headers.join("\n")).toContain(pairs.join("\n"))
})

test.each([
  { status: 400, body: '{"type":"error","error":{"type":"invalid_request_error","message":"é"}}' },
  { status: 429, body: '{"type":"error", "error":{"type":"rate_limit_error"}}\n' },
  { status: 529, body: "overloaded, and no JSON" },
])(
  "Claude Code's contract: an error $status keeps its body and its headers (agentic-api #114)",
  async ({ status, body }) => {
    const opened = await lab({
      upstream: anthropic,
      handler: (_request, response) => {
        response.writeHead(status, {
          "content-type": "application/json",
          "retry-after": "7",
          "request-id": "req_1",
          "anthropic-ratelimit-requests-remaining": "0",
          "x-should-retry": "true",
        })
        response.end(body)
      },
    })
    const answer = await fetch(`${opened.base}/v1/messages?beta=true`, {
      method: "POST",
      headers: { "x-api-key": opened.token },
      body: claudeBody,
    })
    expect([answer.status, await answer.text()]).toEqual([status, body])
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      "retry-after": "7",
      "request-id": "req_1",
      "anthropic-ratelimit-requests-remaining": "0",
      "x-should-retry": "true",
    })
  },
)

test("Claude Code's contract: HEAD /api/hello and HEAD / go to the provider and come back (trap 3)", async () => {
  const opened = await lab({ upstream: anthropic })
  for (const path of ["/api/hello", "/"])
    expect((await send(opened, "HEAD", path)).text).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
  expect(opened.upstream.requests.map(({ method, url }) => `${method} ${url}`)).toEqual([
    "HEAD /api/hello",
    "HEAD /",
  ])
})

test.each([
  { place: "x-api-key", value: (token: string) => token },
  { place: "Authorization", value: (token: string) => `Bearer ${token}` },
  { place: "x-goog-api-key", value: (token: string) => token },
  { place: "api-key", value: (token: string) => token },
])(
  "the lease is taken from $place, and nothing of it is forwarded (trap 6)",
  async ({ place, value }) => {
    const opened = await lab({ upstream: anthropic })
    const answer = await fetch(`${opened.base}/v1/messages`, {
      method: "POST",
      headers: { [place]: value(opened.token) },
      body: "{}",
    })
    expect(answer.status).toBe(200)
    const { headers } = opened.upstream.requests[0]!
    expect(headers[headers.indexOf("x-api-key") + 1]).toBe(opened.key)
    expect(headers.join("\n")).not.toContain("amc-lease-")
  },
)

test.each([
  { path: "/v1/messages/count_tokens?beta=true", format: "anthropic.count_tokens" },
  {
    path: "/v1/projects/p/locations/l/publishers/anthropic/models/claude-x:streamRawPredict",
    format: "anthropic.messages",
  },
  { path: "/model/anthropic.claude-x-v1%3A0/invoke", format: "bedrock.invoke" },
])("Claude Code's contract: $path has the format $format", async ({ path, format }) => {
  const opened = await lab({ upstream: bare })
  const body = '{"anthropic_version":"bedrock-2023-05-31","anthropic_beta":["a-1"],"messages":[]}'
  await send(opened, "POST", path, {}, body)
  expect(opened.upstream.requests[0]).toMatchObject({ url: path })
  expect(opened.upstream.requests[0]!.body.toString()).toBe(body)
  expect(opened.recorder.of("llm_request")[0]!.facts.reported.format).toBe(format)
})

test("Claude Code's contract: a Bedrock stream passes as it is, and its metrics are read", async () => {
  const body = invokeStream(
    { type: "message_start", message: { model: "claude-x" } },
    {
      type: "message_stop",
      "amazon-bedrock-invocationMetrics": { inputTokenCount: 9, outputTokenCount: 2 },
    },
  )
  const opened = await lab({
    upstream: bare,
    handler: (_request, response) => {
      response.writeHead(200, { "content-type": "application/vnd.amazon.eventstream" })
      for (let at = 0; at < body.length; at += 33) response.write(body.subarray(at, at + 33))
      response.end()
    },
  })
  const answer = await fetch(`${opened.base}/model/m/invoke-with-response-stream`, {
    method: "POST",
    headers: { authorization: `Bearer ${opened.token}` },
    body: "{}",
  })
  expect(sha256(Buffer.from(await answer.arrayBuffer()))).toBe(sha256(body))
  await expect.poll(() => opened.recorder.of("llm_response").length).toBe(1)
  expect(opened.recorder.of("llm_response")[0]!.facts.reported).toMatchObject({
    model: "claude-x",
    input_tokens: 9,
    output_tokens: 2,
  })
})

test("an AWS signature is refused with the way out, since it holds for another host", async () => {
  const opened = await lab({ upstream: bare })
  const signature = "AWS4-HMAC-SHA256 Credential=AKIA/20261122/x/bedrock/aws4_request, Signature=ab"
  const answer = await fetch(`${opened.base}/model/m/converse`, {
    method: "POST",
    headers: { authorization: signature, "x-amz-date": "20261122T000000Z" },
    body: "{}",
  })
  expect(answer.status).toBe(401)
  expect(await answer.json()).toMatchObject({
    code: "gateway/aws-signature",
    next: expect.stringContaining("AWS_BEARER_TOKEN_BEDROCK"),
  })
  expect(opened.upstream.connections).toBe(0)
  expect(opened.recorder.of("audit")[0]).toMatchObject({
    facts: { measured: { code: "LEASE_REFUSED", subject: "gateway/aws-signature" } },
  })
})

test.each([
  { query: (token: string) => `?key=${token}`, forwarded: "" },
  { query: (token: string) => `?alt=sse&key=${token}&x=%2F`, forwarded: "?alt=sse&x=%2F" },
  { query: (token: string) => `?%6bey=${token}&alt=sse`, forwarded: "?alt=sse" },
])(
  "Gemini's ?key= may be the lease, and is not forwarded ($forwarded)",
  async ({ query, forwarded }) => {
    const opened = await lab({ upstream: gemini })
    const path = "/v1beta/models/g:generateContent"
    const body = rawRequest("POST", `/openai${path}${query(opened.token)}`, {}, "{}")
    const { text } = await talk({ port: opened.port }, body)
    expect(text).toMatch(/^HTTP\/1\.1 200/)
    const [seen] = opened.upstream.requests
    expect(seen!.url).toBe(path + forwarded)
    expect(seen!.headers[seen!.headers.indexOf("x-goog-api-key") + 1]).toBe(opened.key)
    const request = opened.recorder.of("llm_request")[0]!
    expect(request.facts.measured.secrets_found).toBe(0)
    expect(JSON.stringify(opened.recorder.observations)).not.toContain("amc-lease-")
  },
)

const wrongQueries: {
  why: string
  upstream: Partial<Upstream>
  query: (lease: string) => string
  code: string
}[] = [
  {
    why: "the agent's own key in Gemini's query",
    upstream: gemini,
    query: () => "?key=AIza-own",
    code: "gateway/foreign-key",
  },
  {
    why: "a lease in the query of another provider",
    upstream: bare,
    query: (lease) => `?key=${lease}`,
    code: "gateway/bad-request",
  },
  {
    why: "a lease under another name",
    upstream: gemini,
    query: (lease) => `?api_key=${lease}`,
    code: "gateway/bad-request",
  },
]

test.each(wrongQueries)(
  "$why is refused, and nothing is forwarded",
  async ({ upstream, query, code }) => {
    const opened = await lab({ upstream })
    const target = `/openai/v1beta/models/g:generateContent${query(opened.token)}`
    const { text } = await talk({ port: opened.port }, rawRequest("POST", target, {}, "{}"))
    expect(text).toContain(`"code":"${code}"`)
    expect(opened.upstream.connections).toBe(0)
  },
)

test("Gemini's array that streams is passed on element by element, and its last usage is read", async () => {
  const elements = ['[{"usageMetadata":{"promptTokenCount":2}}', ',\r\n{"modelVersion":"g-1"}', "]"]
  let next: () => void = () => undefined
  const opened = await lab({
    upstream: gemini,
    handler: (_request, response) => {
      response.writeHead(200, { "content-type": "application/json" })
      next = () => {
        const element = elements.shift()
        if (elements.length === 0) response.end(element)
        else response.write(element)
      }
      next()
    },
  })
  const answer = await fetch(`${opened.base}/v1beta/models/g:streamGenerateContent`, {
    method: "POST",
    headers: { "x-goog-api-key": opened.token },
    body: "{}",
  })
  let text = ""
  for await (const piece of answer.body!.pipeThrough(new TextDecoderStream())) {
    text += piece
    // The provider says the next only when this one has come through.
    next()
  }
  expect(JSON.parse(text)).toHaveLength(2)
  expect(opened.recorder.of("llm_response")[0]!.facts.reported).toMatchObject({
    input_tokens: 2,
    model: "g-1",
  })
})

test.each([
  { why: "of a POST (dstack #4269)", method: "POST", path: "/v1/messages" },
  { why: "of a GET (vexa #795)", method: "GET", path: "/mcp" },
])(
  "the first event $why comes through while the provider still works",
  async ({ method, path }) => {
    const opened = await lab({
      upstream: anthropic,
      handler: (_request, response) => {
        response.writeHead(200, { "content-type": "text/event-stream" }).write("data: {}\n\n")
      },
    })
    const answer = await fetch(opened.base + path, {
      method,
      headers: { "x-api-key": opened.token },
    })
    const reader = answer.body!.getReader()
    expect(Buffer.from((await reader.read()).value!).toString()).toBe("data: {}\n\n")
    await reader.cancel()
  },
)

test("usage in a stream that came compressed all the same is read (trap 7)", async () => {
  const coded = gzipSync(messageEvents)
  const opened = await lab({
    upstream: anthropic,
    handler: (_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream", "content-encoding": "gzip" })
      for (let at = 0; at < coded.length; at += 10) response.write(coded.subarray(at, at + 10))
      response.end()
    },
  })
  const answer = await fetch(`${opened.base}/v1/messages`, {
    method: "POST",
    headers: { "x-api-key": opened.token, "accept-encoding": "gzip, deflate, br, zstd" },
    body: "{}",
  })
  expect(await answer.text()).toBe(messageEvents)
  const [response] = opened.recorder.of("llm_response")
  expect(response!.facts.reported).toMatchObject({ input_tokens: 3, output_tokens: 5 })
  expect(response!.payload!.sha256).toBe(sha256(messageEvents))
  const { headers } = opened.upstream.requests[0]!
  expect(headers[headers.indexOf("accept-encoding") + 1]).toBe("identity")
})

test.each([3_100_000, 33_000_000])(
  "a request of %d bytes goes on whole (trap 9, agentgateway #2350)",
  async (size) => {
    const opened = await lab({ upstream: anthropic })
    const body = Buffer.from(JSON.stringify({ model: "m", text: "x".repeat(size) }))
    const answer = await fetch(`${opened.base}/v1/messages`, {
      method: "POST",
      headers: { "x-api-key": opened.token },
      body,
    })
    expect(answer.status).toBe(200)
    expect(opened.upstream.requests[0]!.body.equals(body)).toBe(true)
    expect(opened.recorder.of("llm_request")[0]!.facts).toMatchObject({
      measured: { body_bytes: body.length, facts_truncated: false },
      reported: { model: "m" },
    })
  },
)

test("embeddings of 5 MiB, and their answer of 44 MB, pass whole (envoy #1209, #1662)", async () => {
  const answered = Buffer.from(JSON.stringify({ data: [{ embedding: "0.25,".repeat(8_800_000) }] }))
  const opened = await lab({
    upstream: bare,
    handler: (_request, response) =>
      void response
        .writeHead(200, { "content-type": "application/json", "content-length": answered.length })
        .end(answered),
  })
  const body = Buffer.from(JSON.stringify({ model: "e", input: "x".repeat(5 * 1024 * 1024) }))
  const answer = await fetch(`${opened.base}/v1/embeddings`, {
    method: "POST",
    headers: { authorization: `Bearer ${opened.token}` },
    body,
  })
  expect(sha256(Buffer.from(await answer.arrayBuffer()))).toBe(sha256(answered))
  expect(opened.upstream.requests[0]!.body.equals(body)).toBe(true)
  const [recorded] = opened.recorder.of("llm_response")
  expect(recorded!.payload).toMatchObject({ sha256: sha256(answered), size: answered.length })
})

test("a title that is asked for beside the task runs beside it, and its 429 comes once and alone (trap 8)", async () => {
  const asked: (() => void)[] = []
  const opened = await lab({
    upstream: bare,
    handler: (_request, response, body) => {
      asked.push(() => {
        if (body.includes('"tools"')) response.end("{}")
        else response.writeHead(429, { "retry-after": "1" }).end("later")
      })
      // Neither is answered before both are there.
      if (asked.length === 2) for (const answer of asked) answer()
    },
  })
  const ask = async (body: object): Promise<[number, string]> => {
    const answer = await fetch(`${opened.base}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${opened.token}` },
      body: JSON.stringify(body),
    })
    return [answer.status, await answer.text()]
  }
  const task = { model: "m", tools: [{ type: "function", function: { name: "write" } }] }
  expect(await Promise.all([ask({ model: "m" }), ask(task)])).toEqual([
    [429, "later"],
    [200, "{}"],
  ])
  expect(asked).toHaveLength(2)
  const measured = opened.recorder.of("llm_response").map(({ facts }) => facts.measured)
  expect(measured.map(({ status }) => status).toSorted()).toEqual([200, 429])
  expect(measured.map(({ from_upstream }) => from_upstream)).toEqual([true, true])
})

test("an MCP server is a provider like any: its session, its answers in streams and its 202 pass (Portkey #926, #1151)", async () => {
  const opened = await lab({
    upstream: bare,
    handler: ({ method, headers }, response, body) => {
      const isKnown = headers["mcp-session-id"] === "s-1"
      if (body.includes('"initialize"'))
        return void response
          .writeHead(200, { "content-type": "text/event-stream", "mcp-session-id": "s-1" })
          .end('event: message\ndata: {"jsonrpc":"2.0","id":1,"result":{}}\n\n')
      response.writeHead(!isKnown ? 404 : method === "DELETE" ? 204 : 202).end()
    },
  })
  const ask = (method: string, body: string | null, headers: Record<string, string> = {}) =>
    fetch(`${opened.base}/mcp`, {
      method,
      headers: {
        authorization: `Bearer ${opened.token}`,
        accept: "application/json, text/event-stream",
        ...headers,
      },
      body,
    })
  const begun = await ask("POST", '{"jsonrpc":"2.0","id":1,"method":"initialize"}')
  const session = { "mcp-session-id": begun.headers.get("mcp-session-id") ?? "" }
  expect(await begun.text()).toContain('"result":{}')
  expect(begun.headers.get("content-type")).toBe("text/event-stream")
  expect((await ask("POST", '{"method":"notifications/initialized"}', session)).status).toBe(202)
  expect((await ask("DELETE", null, session)).status).toBe(204)
  expect((await ask("DELETE", null)).status).toBe(404)
  expect(opened.upstream.requests[1]!.headers).toContain("application/json, text/event-stream")
  expect(opened.recorder.of("llm_response")).toHaveLength(4)
})

test("the head of a stream comes through before its first event (bifrost #3183)", async () => {
  const opened = await lab({
    upstream: bare,
    handler: (_request, response) =>
      response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders(),
  })
  const headers = { authorization: `Bearer ${opened.token}`, accept: "text/event-stream" }
  const answer = await fetch(`${opened.base}/mcp`, { headers })
  expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "text/event-stream"])
  await answer.body!.cancel()
})

test.each([
  { path: "/openai/v1/responses", lease: true },
  { path: "/openai/v1/realtime?model=m", lease: true },
  { path: "/openai/v1/responses", lease: false },
  { path: "/nobody/v1/responses", lease: true },
  { path: "/amc/health", lease: false },
])(
  "a WebSocket on $path (lease: $lease) gets 426 for its first bytes, as codex takes it (trap 1, Codex-Manager #91, #92, headroom #79, coder #26565, bifrost #2996, #2998)",
  async ({ path, lease }) => {
    const opened = await lab()
    const request = rawRequest("GET", path, {
      ...(lease ? { authorization: `Bearer ${opened.token}` } : {}),
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
      "sec-websocket-extensions": "permessage-deflate",
      "openai-beta": "responses_websockets=2026-02-06",
    })
    // No byte more is sent, so the whole answer is what this one flight of bytes got.
    const { text, isReset } = await talk({ port: opened.port }, request)
    expect(text).toMatch(/^HTTP\/1\.1 426 Upgrade Required\r\n/)
    expect(text).toMatch(/\r\nconnection: close\r\n/)
    expect(isReset).toBe(false)
    expect(opened.upstream.connections).toBe(0)
    await opened.gateway.close()
    expect(opened.recorder.of("audit")).toHaveLength(lease ? 1 : 0)
  },
)

test.each([
  { why: "on loopback it is a reset", isSocket: false },
  { why: "on a unix socket, which has none, the body has no end", isSocket: true },
])("a reset of the provider stays a truncation: $why (trap 2)", async ({ isSocket }) => {
  const opened = await lab({
    upstream: anthropic,
    handler: (_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" })
      response.write(messageEvents.slice(0, 100), () => response.socket!.resetAndDestroy())
    },
  })
  const token = isSocket ? opened.issue({ ingress: "run-socket" }) : opened.token
  const where = isSocket
    ? { socketPath: opened.socketPath }
    : { port: opened.port, host: "127.0.0.1" }
  const request = httpRequest({
    ...where,
    method: "POST",
    path: "/openai/v1/messages",
    headers: { "x-api-key": token },
  })
  request.on("error", () => undefined)
  request.end("{}")
  const [response] = (await once(request, "response")) as [import("node:http").IncomingMessage]
  response.resume()
  const [error] = (await once(response, "error")) as [NodeJS.ErrnoException]
  expect(error.code).toBe("ECONNRESET")
  expect(response.complete).toBe(false)
  await expect.poll(() => opened.recorder.of("llm_response").length).toBe(1)
  expect(opened.recorder.of("llm_response")[0]!.facts).toMatchObject({
    measured: { completeness: "upstream-cut" },
    reported: { model: "claude-x", input_tokens: 3 },
  })
})

test.each([
  { path: "/openai/deployments/my-gpt/chat/completions?api-version=2026-01-01", model: "my-gpt" },
  { path: "/openai/v1/chat/completions", model: "in-body" },
])("Azure's $path is read, with its key in api-key", async ({ path, model }) => {
  const opened = await lab({ upstream: { basePath: "", keyPlace: "api-key" } })
  const answer = await fetch(opened.base + path, {
    method: "POST",
    headers: { "api-key": opened.token },
    body: '{"model":"in-body"}',
  })
  expect(answer.status).toBe(200)
  const { headers, url } = opened.upstream.requests[0]!
  expect(url).toBe(path)
  expect(headers[headers.indexOf("api-key") + 1]).toBe(opened.key)
  expect(opened.recorder.of("llm_request")[0]!.facts.reported).toMatchObject({
    format: "openai.chat",
    model,
  })
})

test("what no reader knows is forwarded whole, bytes, method and all", async () => {
  const bytes = Buffer.from([0, 255, 10, 13, 0, 128])
  const opened = await lab({
    upstream: bare,
    handler: (_request, response, body) => {
      response.writeHead(207, { "content-type": "application/octet-stream" }).end(body)
    },
  })
  const answer = await fetch(`${opened.base}/v9/unheard-of?x=1`, {
    method: "PATCH",
    headers: { "x-api-key": opened.token },
    body: bytes,
  })
  expect([answer.status, Buffer.from(await answer.arrayBuffer())]).toEqual([207, bytes])
  expect(opened.recorder.of("llm_request")[0]!.facts).toMatchObject({
    measured: { facts_truncated: false },
    reported: { format: "other", path: "/v9/unheard-of" },
  })
})
