import { readdirSync } from "node:fs"
import { openReceipt } from "@amc/core"
import OpenAI from "openai"
import { expect, onTestFinished, test } from "vitest"
import {
  type Handler,
  lab,
  type Lab,
  LabUpstream,
  rawRequest,
  sha256,
  storedText,
  talk,
} from "./lab.fixture.ts"

const chat = {
  id: "c1",
  object: "chat.completion",
  model: "gpt-x-2026",
  choices: [
    {
      index: 0,
      finish_reason: "tool_calls",
      message: {
        role: "assistant",
        content: null,
        tool_calls: [
          { id: "t1", type: "function", function: { name: "read", arguments: "{}" } },
          { id: "t2", type: "function", function: { name: "write", arguments: '{"a":"\\u00e9"}' } },
        ],
      },
    },
  ],
  usage: { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 },
}
const delta = (more: object) =>
  JSON.stringify({ object: "chat.completion.chunk", model: "gpt-x-2026", choices: [], ...more })
const chatStream = [
  delta({ choices: [{ index: 0, delta: { role: "assistant", content: "hé" } }] }),
  delta({
    choices: [
      {
        index: 0,
        delta: { tool_calls: [{ index: 0, id: "t1", function: { name: "read", arguments: "" } }] },
      },
    ],
  }),
  delta({
    choices: [{ index: 0, delta: { tool_calls: [{ index: 0, function: { arguments: "{}" } }] } }],
  }),
  delta({ choices: [{ index: 0, delta: {}, finish_reason: "tool_calls" }] }),
  delta({ usage: { prompt_tokens: 11, completion_tokens: 7 } }),
  "[DONE]",
]
const answer = {
  id: "r1",
  object: "response",
  status: "completed",
  model: "gpt-y",
  output: [
    { type: "reasoning", id: "i0" },
    { type: "function_call", id: "i1", call_id: "t1", name: "run_tests", arguments: "{}" },
  ],
  usage: { input_tokens: 5, output_tokens: 3 },
}
const answerStream = [
  {
    type: "response.created",
    response: { ...answer, status: "in_progress", output: [], usage: null },
  },
  {
    type: "response.output_item.added",
    item: { type: "function_call", id: "i1", name: "run_tests" },
  },
  {
    type: "response.output_item.done",
    item: { type: "function_call", id: "i1", name: "run_tests" },
  },
  { type: "response.completed", response: answer },
]

/** Answers as OpenAI does: chat and responses, JSON and streamed, with headers of its own. */
const openai: Handler = (request, response, body) => {
  const { stream } = JSON.parse(body.toString()) as { stream?: boolean }
  response.setHeader("x-request-id", "up-1")
  response.setHeader("x-amc-receipt", "forged")
  if (request.url?.startsWith("/v1/chat/completions")) {
    if (stream !== true)
      return void response.setHeader("content-type", "application/json").end(JSON.stringify(chat))
    response.setHeader("content-type", "text/event-stream; charset=utf-8")
    for (const event of chatStream) response.write(`data: ${event}\n\n`)
  } else {
    if (stream !== true)
      return void response.setHeader("content-type", "application/json").end(JSON.stringify(answer))
    response.setHeader("content-type", "text/event-stream")
    for (const event of answerStream)
      response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
  }
  response.end()
}

const prompt = { model: "gpt-x", messages: [{ role: "user" as const, content: "hello" }] }
const tools = [{ type: "function" as const, function: { name: "read" } }]

/** The same call through the gateway and straight to the provider, with what each client received. */
async function both<T>(opened: Lab, use: (client: OpenAI) => Promise<T>) {
  const bodies: { bytes: Buffer; headers: Headers }[] = []
  const spy: typeof fetch = async (url, init) => {
    const response = await fetch(url, init)
    const bytes = Buffer.from(await response.arrayBuffer())
    bodies.push({ bytes, headers: response.headers })
    return new Response(bytes, response)
  }
  const through = await use(
    new OpenAI({ apiKey: opened.token, baseURL: opened.base, fetch: spy, maxRetries: 0 }),
  )
  const direct = await use(
    new OpenAI({
      apiKey: opened.key,
      baseURL: `${opened.upstream.origin}/v1`,
      fetch: spy,
      maxRetries: 0,
    }),
  )
  return { through, direct, bodies: bodies.map((each) => each.bytes), headers: bodies[0]!.headers }
}

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const each of source) all.push(each)
  return all
}

const shared = {
  tool_calls: 1,
  finish_reason: "completed",
  model: "gpt-y",
  input_tokens: 5,
  output_tokens: 3,
  cache_read_tokens: -1,
  cache_write_tokens: -1,
  tool_names: ["run_tests"],
}
const calls = [
  {
    what: "a chat completion",
    use: (client: OpenAI): Promise<unknown> => client.chat.completions.create({ ...prompt, tools }),
    request: { format: "openai.chat", stream: false, tools: 1, model: "gpt-x" },
    reported: {
      model: "gpt-x-2026",
      finish_reason: "tool_calls",
      input_tokens: 11,
      output_tokens: 7,
      cache_read_tokens: -1,
      cache_write_tokens: -1,
      tool_calls: 2,
      tool_names: ["read", "write"],
    },
  },
  {
    what: "a streamed chat completion (Portkey #1389, #1550)",
    use: async (client: OpenAI): Promise<unknown> => {
      const stream = await client.chat.completions.create({ ...prompt, stream: true })
      return collect(stream)
    },
    request: { format: "openai.chat", stream: true, tools: 0, model: "gpt-x" },
    reported: {
      model: "gpt-x-2026",
      finish_reason: "tool_calls",
      input_tokens: 11,
      output_tokens: 7,
      cache_read_tokens: -1,
      cache_write_tokens: -1,
      tool_calls: 1,
      tool_names: ["read"],
    },
  },
  {
    what: "a response",
    use: (client: OpenAI): Promise<unknown> =>
      client.responses.create({ model: "gpt-y", input: "hi" }),
    request: { format: "openai.responses", stream: false, tools: 0, model: "gpt-y" },
    reported: shared,
  },
  {
    what: "a streamed response",
    use: async (client: OpenAI): Promise<unknown> =>
      collect(await client.responses.create({ model: "gpt-y", input: "hi", stream: true })),
    request: { format: "openai.responses", stream: true, tools: 0, model: "gpt-y" },
    reported: shared,
  },
]

test.each(calls)(
  "the openai SDK gets $what with the bytes of a direct call, and leaves two events",
  async ({ use, request, reported }) => {
    const opened = await lab({ handler: openai })
    const { through, direct, bodies } = await both(opened, use)
    expect(through).toEqual(direct)
    expect(bodies[0]!.equals(bodies[1]!)).toBe(true)
    expect(opened.recorder.observations.map((each) => each.type)).toEqual([
      "llm_request",
      "llm_response",
    ])
    const [asked] = opened.recorder.of("llm_request")
    const [answered] = opened.recorder.of("llm_response")
    expect(asked).toMatchObject({
      agent: "agent-1",
      session: "session-1",
      channel: "gateway:loopback",
      facts: { reported: { ...request } },
    })
    expect(asked!.facts.measured).toMatchObject({
      facts_truncated: false,
      secrets_found: 0,
      method: "POST",
      provider: "openai",
    })
    expect(answered!.facts.reported).toEqual(reported)
    expect(answered!.facts.measured).toMatchObject({
      status: 200,
      from_upstream: true,
      completeness: "complete",
      facts_truncated: false,
      body_bytes: bodies[0]!.length,
    })
    expect(answered!.payload!.sha256).toBe(sha256(bodies[0]!))
    expect(storedText(answered!)).toBe(bodies[0]!.toString())
    const [viaGateway, straight] = opened.upstream.requests
    expect(viaGateway!.body.equals(straight!.body)).toBe(true)
    expect(asked!.payload!.sha256).toBe(sha256(viaGateway!.body))
  },
)

test.each(calls)(
  "both receipts of $what open with the monitor's key and name the bytes the client has",
  async ({ use }) => {
    const opened = await lab({ handler: openai })
    const { bodies, headers } = await both(opened, use)
    const keys = new Map([[opened.recorder.key.kid, opened.recorder.key]])
    const id = headers.get("x-amc-request-id")!
    const found = await fetch(`http://127.0.0.1:${opened.port}/amc/receipts/${id}`, {
      headers: { "x-api-key": opened.token },
    })
    const receipts = (await found.json()) as { request: string; response: string }
    expect(receipts.request).toBe(headers.get("x-amc-request-receipt"))
    expect(openReceipt(receipts.request, keys)).toMatchObject({
      kind: "llm_request",
      body_sha256: sha256(opened.upstream.requests[0]!.body),
    })
    expect(openReceipt(receipts.response, keys)).toMatchObject({
      kind: "llm_response",
      body_sha256: sha256(bodies[0]!),
      agent: "agent-1",
    })
    expect(headers.get("x-amc-monitor-pub-fpr")).toBe(opened.recorder.key.kid)
    const isStream = headers.get("content-type")!.startsWith("text/event-stream")
    expect(headers.get("x-amc-receipt")).toBe(isStream ? null : receipts.response)
  },
)

test("no request reaches the provider before its event is durable, and no end the client before its own", async () => {
  const opened = await lab({
    handler: (_request, response) => {
      opened.recorder.journal.push("upstream called")
      response.setHeader("content-type", "text/event-stream").write("data: {}\n\n")
      response.end()
    },
  })
  opened.recorder.before = async ({ type }) => {
    if (type !== "llm_response") return
    for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate)
  }
  const { text } = await talk(
    { port: opened.port },
    rawRequest("POST", "/openai/x", { authorization: `Bearer ${opened.token}` }, "{}"),
    (all) => {
      if (all.endsWith("data: {}\n\n\r\n")) opened.recorder.journal.push("client has the data")
      if (all.endsWith("0\r\n\r\n")) opened.recorder.journal.push("client has the end")
    },
  )
  expect(text).toContain("x-amc-request-receipt: ")
  expect(opened.recorder.journal).toEqual([
    "durable llm_request",
    "upstream called",
    "client has the data",
    "durable llm_response",
    "client has the end",
  ])
})

test("a body of known length keeps its length, and its last byte waits for the event", async () => {
  const body = Buffer.alloc(300_000, "a")
  const opened = await lab({
    handler: (_request, response) =>
      void response.setHeader("content-length", body.length).end(body),
  })
  let received = 0
  opened.recorder.before = ({ type }) => {
    if (type === "llm_response") expect(received).toBeLessThan(body.length)
  }
  const response = await fetch(`${opened.base}/big`, { headers: { "x-api-key": opened.token } })
  expect(response.headers.get("content-length")).toBe("300000")
  for await (const piece of response.body!) received += piece.length
  expect(received).toBe(body.length)
  expect(response.headers.has("x-amc-receipt")).toBe(false)
  const [event] = opened.recorder.of("llm_response")
  expect(event!.payload).toMatchObject({ size: 300_000, sha256: sha256(body) })
  expect(event!.payload!.blob).toHaveProperty("path")
  expect(storedText(event!)).toBe(body.toString())
})

test("an answer over the limit is streamed and only its digest is kept", async () => {
  const body = Buffer.alloc(3 << 20, "xyz")
  const opened = await lab({ handler: (_request, response) => response.end(body) })
  const response = await fetch(`${opened.base}/big`, { headers: { "x-api-key": opened.token } })
  expect(sha256(Buffer.from(await response.arrayBuffer()))).toBe(sha256(body))
  expect(opened.recorder.of("llm_response")[0]!.payload).toMatchObject({
    sha256: sha256(body),
    blob: null,
  })
})

test("target, method, body and the headers of both sides pass as they are, except what is the gateway's", async () => {
  const opened = await lab({
    handler: (_request, response) => {
      response.writeHead(418, "Short and Stout", [
        "X-Odd",
        "one",
        "x-odd",
        "two",
        "Keep-Alive",
        "timeout=1",
        "X-AMC-Receipt",
        "forged",
        "Content-Length",
        "3",
      ])
      response.end("pot")
    },
  })
  const target = "/openai/models/m:streamGenerateContent?alt=sse&x=%2F..%2f&beta=true"
  const sent = {
    Authorization: `Bearer ${opened.token}`,
    "X-Api-Key": "sk-agents-own",
    "Anthropic-Beta": "a-1,b-2",
    "x-codex-turn": '{"a":1}',
    "X-AMC-Agent": "other-agent",
    "Accept-Encoding": "gzip, zstd",
    Connection: "close, x-private",
    "X-Private": "1",
  }
  const { text } = await talk({ port: opened.port }, rawRequest("PUT", target, sent, "\u0001raw"))
  const [seen] = opened.upstream.requests
  expect(seen).toMatchObject({ method: "PUT", url: target.replace("/openai", "/v1") })
  expect(seen!.body.toString()).toBe("\u0001raw")
  const headers = Object.fromEntries(
    seen!.headers.flatMap((name, at) =>
      at % 2 === 0 ? [[name.toLowerCase(), seen!.headers[at + 1]]] : [],
    ),
  )
  expect(headers).toEqual({
    "anthropic-beta": "a-1,b-2",
    "x-codex-turn": '{"a":1}',
    "accept-encoding": "identity",
    authorization: `Bearer ${opened.key}`,
    "content-length": "4",
    host: new URL(opened.upstream.origin).host,
    connection: "keep-alive",
  })
  expect(text).toMatch(
    /^HTTP\/1\.1 418 Short and Stout\r\nX-Odd: one\r\nx-odd: two\r\nContent-Length: 3\r\nDate: [^\r]+\r\nx-amc-request-id: /,
  )
  expect(text).not.toContain("forged")
  expect(opened.recorder.of("llm_request")[0]).toMatchObject({
    agent: "agent-1",
    facts: { reported: { format: "other", path: "/models/m:streamGenerateContent" } },
  })
})

test.each([
  { place: "x-api-key" as const, value: (key: string) => key },
  { place: "x-goog-api-key" as const, value: (key: string) => key },
  { place: "authorization" as const, value: (key: string) => `Bearer ${key}` },
])("the key goes where the provider wants it: $place", async ({ place, value }) => {
  const opened = await lab({ upstream: { keyPlace: place } })
  await fetch(`${opened.base}/x`, { headers: { "api-key": opened.token } })
  const { headers } = opened.upstream.requests[0]!
  expect(headers[headers.indexOf(place) + 1]).toBe(value(opened.key))
  expect(headers.join()).not.toContain("amc-lease-")
})

test("a provider without a key gets none, not even the client's", async () => {
  const opened = await lab({ upstream: { key: null } })
  await fetch(`${opened.base}/x`, {
    headers: { authorization: `Bearer ${opened.token}`, "x-api-key": "sk-own" },
  })
  expect(opened.upstream.requests[0]!.headers.join().toLowerCase()).not.toMatch(
    /authorization|api-key/,
  )
})

test("HEAD, 204 and 304 pass without a body and keep their headers", async () => {
  const opened = await lab({
    handler: (request, response) => {
      if (request.method === "HEAD") return void response.setHeader("content-length", 77).end()
      response.writeHead(request.url === "/v1/304" ? 304 : 204, { etag: "e" }).end()
    },
  })
  const headers = { "x-api-key": opened.token }
  const head = await fetch(`${opened.base}/h`, { method: "HEAD", headers })
  expect([head.status, head.headers.get("content-length")]).toEqual([200, "77"])
  expect((await fetch(`${opened.base}/204`, { headers })).status).toBe(204)
  const notModified = await fetch(`${opened.base}/304`, { headers })
  expect([notModified.status, notModified.headers.get("etag")]).toEqual([304, "e"])
  expect(notModified.headers.has("x-amc-receipt")).toBe(true)
})

test("secrets in a body are counted, forwarded as they are, and stored as stars", async () => {
  const opened = await lab({ handler: (_request, response, body) => response.end(body) })
  const body = JSON.stringify({
    model: opened.token,
    k: opened.key,
    b: Buffer.from(`..${opened.key}`).toString("base64"),
  })
  const response = await fetch(`${opened.base}/chat/completions?key=${opened.token}`, {
    method: "POST",
    body,
    headers: { "x-api-key": opened.token },
  })
  expect(await response.text()).toBe(body)
  expect(opened.upstream.requests[0]!.body.toString()).toBe(body)
  const [asked] = opened.recorder.of("llm_request")
  expect(asked!.facts.measured.secrets_found).toBe(4)
  expect(asked!.payload!.sha256).toBe(sha256(body))
  const all =
    JSON.stringify(opened.recorder.observations) +
    opened.recorder.observations.map(storedText).join()
  for (const secret of [opened.token, opened.key, Buffer.from(opened.key).toString("hex")])
    expect(all).not.toContain(secret)
  expect(storedText(asked!)).toHaveLength(body.length)
})

test("a long body is spooled to a private file, which is redacted before the recorder gets it", async () => {
  const opened = await lab()
  const body = `${"x".repeat(400_000)}${opened.key}${"y".repeat(400_000)}`
  await fetch(`${opened.base}/x`, { method: "POST", body, headers: { "x-api-key": opened.token } })
  expect(opened.upstream.requests[0]!.body.toString()).toBe(body)
  const [asked] = opened.recorder.of("llm_request")
  expect(asked!.payload).toMatchObject({ size: body.length, sha256: sha256(body) })
  expect(storedText(asked!)).toBe(body.replace(opened.key, "*".repeat(opened.key.length)))
  expect(asked!.facts.measured.secrets_found).toBe(1)
  expect(readdirSync(opened.spoolDir).filter((name) => name !== "gateway.sock")).toHaveLength(1)
})

test("broken JSON is forwarded as it came, and its facts are marked incomplete", async () => {
  const opened = await lab({
    handler: (_request, response) => response.writeHead(400).end("bad json"),
  })
  const response = await fetch(`${opened.base}/chat/completions`, {
    method: "POST",
    body: '{"model":"m"',
    headers: { "x-api-key": opened.token },
  })
  expect([response.status, await response.text()]).toEqual([400, "bad json"])
  expect(opened.recorder.of("llm_request")[0]!.facts).toMatchObject({
    measured: { facts_truncated: true },
    reported: { format: "other", model: "" },
  })
})

test("a provider on a unix socket is reached, and a run's socket takes only that run's leases", async () => {
  const opened = await lab()
  const lease = opened.issue({ ingress: "run-socket" })
  const other = opened.issue({ ingress: "run-socket", session: "session-2" })
  const ask = (token: string) =>
    talk({ path: opened.socketPath }, rawRequest("GET", "/openai/x", { "x-api-key": token }))
  expect((await ask(lease)).text).toMatch(/^HTTP\/1.1 200 OK/)
  expect((await ask(other)).text).toMatch(/^HTTP\/1.1 403 [^]*gateway\/lease-elsewhere/)
  expect(opened.recorder.of("llm_request")[0]!.channel).toBe("gateway:run-socket")
  const behind = new LabUpstream((_request, response) => response.end("by socket"))
  const socketPath = `${opened.spoolDir}/up.sock`
  await new Promise<void>((resolve) => behind.server.listen(socketPath, resolve))
  onTestFinished(() => void behind.server.close())
  const second = await lab({ upstream: { socketPath, origin: "http://localhost", basePath: "" } })
  const response = await fetch(second.base, { headers: { "x-api-key": second.token } })
  expect(await response.text()).toBe("by socket")
  expect(behind.requests[0]!.url).toBe("/")
})
