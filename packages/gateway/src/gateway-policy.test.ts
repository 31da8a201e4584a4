import type { WirePolicy } from "@amc/core"
import OpenAI from "openai"
import { expect, test } from "vitest"
import { type Handler, lab, type Lab, rawRequest, talk } from "./lab.fixture.ts"

function held(policy: WirePolicy, source = "gateway.yaml") {
  return [{ source, policy }]
}

const usage = { prompt_tokens: 10, completion_tokens: 5 }
const answers: Handler = (_request, response) => {
  response.setHeader("content-type", "application/json").end(JSON.stringify({ model: "m", usage }))
}

async function chat(opened: Lab, token: string, body: object = { model: "m", max_tokens: 5 }) {
  const response = await fetch(`${opened.base}/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}` },
    body: JSON.stringify(body),
  })
  const said = (await response.json()) as { code?: string; detail?: string; next?: string }
  return { status: response.status, headers: response.headers, ...said }
}

test("a request that a rule forbids is recorded, refused, audited, and not forwarded", async () => {
  const opened = await lab()
  const token = opened.issue({ policies: held({ models: ["gpt-5*"] }) })
  const { status, code, detail, next, headers } = await chat(opened, token, { model: "o3" })
  expect([status, code]).toEqual([403, "gateway/policy"])
  expect(detail).toBe("models of gateway.yaml: the model o3 is not allowed")
  expect(next).toBe("ask for an allowed model")
  expect(headers.get("x-amc-receipt")).not.toBeNull()
  expect(opened.upstream.connections).toBe(0)
  expect(opened.recorder.of("llm_request")).toHaveLength(1)
  expect(opened.recorder.of("llm_response")).toMatchObject([
    { facts: { measured: { status: 403, from_upstream: false, completeness: "refused" } } },
  ])
  expect(opened.recorder.of("audit")).toMatchObject([
    {
      agent: "agent-1",
      session: "session-1",
      facts: { measured: { code: "POLICY_REFUSED", subject: "models of gateway.yaml" } },
    },
  ])
})

test.each([
  "/v1/chat/%63ompletions",
  "/v1//chat/completions",
  "/v1/chat/completions;p=1",
  "/v1/chat/completionsX",
  "/v1/chat/completions%2f",
  "/v1/chat/completions%3fx",
  "/v1/chat/completions%00",
  "/V1/chat/completions",
  "/v1/chat",
  "//v1/chat/completions",
  "/v1/files?/v1/chat/completions",
  "/v1/files;/v1/chat/completions",
  "/v1/files%23/v1/chat/completions",
])("a path that only some servers take for an allowed one is not allowed: %s", async (path) => {
  const opened = await lab({ upstream: { basePath: "" } })
  const routes = [{ provider: "openai", paths: ["/v1/chat/completions"] }]
  const token = opened.issue({ policies: held({ routes }) })
  const ask = (at: string) =>
    talk({ port: opened.port }, rawRequest("POST", `/openai${at}`, { "x-api-key": token }, "{}"))
  expect((await ask(path)).text).toMatch(/^HTTP\/1\.1 403 [^]*gateway\/policy/)
  expect(opened.upstream.connections).toBe(0)
  expect((await ask("/v1/chat/completions?x=/v1/files")).text).toMatch(/^HTTP\/1\.1 200 /)
})

test("a lease that sits in a refused name is not repeated in answer or audit", async () => {
  const opened = await lab()
  const token = opened.issue({ policies: held({ models: ["gpt-5*"] }) })
  const { detail } = await chat(opened, token, { model: token })
  expect(detail).toMatch(/^models of gateway.yaml: the model \*+ is not allowed$/)
  expect(JSON.stringify(opened.recorder.of("audit"))).not.toContain(token)
})

test("a body in a content coding is not believed, since the provider would read another one", async () => {
  const opened = await lab({ handler: answers })
  const token = opened.issue({ policies: held({ models: ["m"] }) })
  const headers = { "x-api-key": token, "content-encoding": "gzip" }
  const body = JSON.stringify({ model: "m" })
  const response = await fetch(`${opened.base}/chat/completions`, { method: "POST", headers, body })
  expect(response.status).toBe(403)
  expect(opened.upstream.connections).toBe(0)
})

test.each([
  { "content-encoding": "identity, gzip" },
  { content_encoding: "gzip" },
  { "content-type": "multipart/form-data; boundary=b" },
  { "content-type": "application/x-www-form-urlencoded" },
  { "content-type": "application/json; charset=utf-7" },
])("a body that the provider would not read as JSON is not believed: %j", async (headers) => {
  const opened = await lab({ handler: answers })
  const headed = { "x-api-key": opened.issue({ policies: held({ models: ["m"] }) }), ...headers }
  const body = '{"model":"m","x":"\r\n--b\r\ncontent-disposition: form-data; name=model\r\n\r\no3"}'
  const text = rawRequest("POST", "/openai/chat/completions", headed, body)
  expect((await talk(opened, text)).text).toMatch(/^HTTP\/1.1 403 /)
  expect(opened.upstream.connections).toBe(0)
})

test("no second header of a coding hides behind the first", async () => {
  const opened = await lab({ handler: answers })
  const token = opened.issue({ policies: held({ models: ["m"] }) })
  const headers = { "x-api-key": token, "content-encoding": "identity", "Content-Encoding": "br" }
  const text = rawRequest("POST", "/openai/chat/completions", headers, '{"model":"m"}')
  expect((await talk(opened, text)).text).toMatch(/^HTTP\/1.1 403 /)
  expect(opened.upstream.connections).toBe(0)
})

test("no header makes the provider take a request for another one than was judged", async () => {
  const opened = await lab({ handler: answers })
  const headers = {
    "x-api-key": opened.token,
    "X-HTTP-Method-Override": "DELETE",
    "x-http-method": "DELETE",
    "x-method-override": "DELETE",
    "x-original-url": "/v1/files",
    "x-rewrite-url": "/v1/files",
    X_HTTP_Method_Override: "DELETE",
    transfer_encoding: "DELETE",
  }
  await talk(opened, rawRequest("POST", "/openai/chat/completions", headers, "{}"))
  expect(opened.upstream.requests[0]?.headers.join("\n")).not.toMatch(/DELETE|files/)
})

test("a parameter that may not be set may not be set in a group either", async () => {
  const opened = await lab({ handler: answers })
  const token = opened.issue({ policies: held({ parameters: { forbidden: ["seed"] } }) })
  const refused = await chat(opened, token, { model: "m", options: { seed: 1 } })
  expect(refused.detail).toBe("parameters.forbidden of gateway.yaml: seed may not be set")
})

test("a stream that its client breaks off costs what was held, not the token that it began with", async () => {
  const started = {
    type: "message_start",
    message: { usage: { input_tokens: 1, output_tokens: 1 } },
  }
  const opened = await lab({
    handler: (_request, response) =>
      void response
        .setHeader("content-type", "text/event-stream")
        .write(`event: message_start\ndata: ${JSON.stringify(started)}\n\n`),
  })
  const policies = held({ budgets: { lease: { tokens: 1500 } } })
  const headers = { "x-api-key": opened.issue({ policies }) }
  const body = '{"model":"m","max_tokens":1000,"stream":true}'
  const text = rawRequest("POST", "/openai/v1/messages", headers, body)
  await talk(opened, text, (all, socket) => all.includes("message_start") && socket.destroy())
  await expect.poll(() => opened.recorder.of("llm_response")).toHaveLength(1)
  expect((await talk(opened, text)).text).toContain("not enough is left for this request")
})

test("what calls came to is taken from the budget, and the SDK sees the reason when it is used up", async () => {
  const opened = await lab({ handler: answers })
  const body = { model: "m", max_tokens: 5 }
  const bound = JSON.stringify(body).length + 5
  const token = opened.issue({ policies: held({ budgets: { session: { tokens: bound + 15 } } }) })
  expect((await chat(opened, token, body)).status).toBe(200)
  expect((await chat(opened, token, body)).status).toBe(200)
  const third = await chat(opened, token, body)
  expect([third.status, third.code]).toEqual([429, "gateway/budget"])
  expect(third.headers.get("x-should-retry")).toBe("false")
  expect(opened.upstream.requests).toHaveLength(2)
  expect(opened.recorder.of("audit")).toMatchObject([
    {
      facts: {
        measured: { code: "BUDGET_EXCEEDED", subject: "budgets.session.tokens of gateway.yaml" },
      },
    },
  ])
  const client = new OpenAI({ apiKey: token, baseURL: opened.base, maxRetries: 2 })
  const messages = [{ role: "user" as const, content: "hello" }]
  await expect(client.chat.completions.create({ model: "m", messages })).rejects.toMatchObject({
    status: 429,
    message: expect.stringContaining("not enough is left"),
  })
})

test("two calls at once can't both pass the last unit", async () => {
  let release = (): void => undefined
  const released = new Promise<void>((resolve) => (release = resolve))
  const opened = await lab({
    handler: (request, response, body) =>
      void released.then(() => answers(request, response, body)),
  })
  const token = opened.issue({ policies: held({ budgets: { lease: { calls: 1 } } }, "lease") })
  const calls = [chat(opened, token), chat(opened, token)]
  const first = await Promise.race(calls)
  expect([first.status, first.code]).toEqual([429, "gateway/budget"])
  release()
  expect((await Promise.all(calls)).map(({ status }) => status).sort()).toEqual([200, 429])
  expect(opened.upstream.requests).toHaveLength(1)
})

test("the price is that of the model in the path, not of a cheaper one that the body names", async () => {
  const opened = await lab({
    prices: [{ model: "cheap", input_micros: "0", output_micros: "0" }],
  })
  const policies = held({ budgets: { session: { money_micros: "1000000" } } })
  const ways = ["dear:generateContent", "dear%3agenerate%43ontent", "/dear:generateContent/"]
  for (const way of ways) {
    const answer = await fetch(`${opened.base}/models/${way}`, {
      method: "POST",
      headers: { "x-goog-api-key": opened.issue({ policies }) },
      body: '{"model":"cheap","generationConfig":{"maxOutputTokens":5}}',
    })
    expect(await answer.json()).toMatchObject({
      detail: "budgets of gateway.yaml: no price is known for the model dear",
    })
  }
  expect(opened.upstream.connections).toBe(0)
})

test("money is counted by the owner's prices, and a model of no known price is refused", async () => {
  const opened = await lab({
    handler: answers,
    prices: [{ model: "m", input_micros: "1000000", output_micros: "2000000" }],
  })
  const body = { model: "m", max_tokens: 5 }
  const bound = JSON.stringify(body).length + 10
  const policies = held({ budgets: { session: { money_micros: `${bound + 20}` } } })
  const token = opened.issue({ policies })
  const unknown = await chat(opened, token, { model: "unheard-of" })
  expect([unknown.status, unknown.detail]).toEqual([
    403,
    "budgets of gateway.yaml: no price is known for the model unheard-of",
  ])
  expect((await chat(opened, token, body)).status).toBe(200)
  expect((await chat(opened, token, body)).status).toBe(200)
  expect((await chat(opened, token, body)).code).toBe("gateway/budget")
})

test.each<{ why: string; handler: Handler; tokens: number; passes: boolean }>([
  {
    why: "an error costs nothing",
    handler: (_q, r) => r.writeHead(500).end("{}"),
    tokens: 60,
    passes: true,
  },
  {
    why: "an answer that tells no usage costs all that it was bounded to",
    handler: (_q, r) => r.end("{}"),
    tokens: 60,
    passes: false,
  },
  {
    why: "an answer that is cut costs all that it was bounded to",
    handler: (_q, r) =>
      void r.writeHead(200, { "content-length": "99" }).write("{", () => r.destroy()),
    tokens: 60,
    passes: false,
  },
])("L7: $why", async ({ handler, tokens, passes }) => {
  const opened = await lab({ handler })
  const token = opened.issue({ policies: held({ budgets: { session: { tokens } } }) })
  await chat(opened, token).catch(() => undefined)
  const { code } = await chat(opened, token).catch(() => ({ code: "cut" }))
  expect(code === "gateway/budget").toBe(!passes)
})

test("so many requests a minute, so many at once; then 429 with a time to wait", async () => {
  const opened = await lab({ handler: answers })
  const token = opened.issue({ ttlMs: 90_000, policies: held({ requests_per_minute: 2 }) })
  const other = opened.issue({ policies: held({ requests_per_minute: 2 }) })
  expect((await chat(opened, token)).status).toBe(200)
  expect((await chat(opened, other)).status).toBe(200)
  const third = await chat(opened, token)
  expect([third.status, third.code, third.headers.get("retry-after")]).toEqual([
    429,
    "gateway/rate-limit",
    "1",
  ])
  opened.time.now += 60_000
  expect((await chat(opened, token)).status).toBe(200)

  const silent = await lab({ handler: () => undefined })
  const single = silent.issue({ policies: held({ concurrent_calls: 1 }, "lease") })
  void chat(silent, single).catch(() => undefined)
  await expect.poll(() => silent.upstream.requests.length).toBe(1)
  expect((await chat(silent, single)).code).toBe("gateway/rate-limit")
})

test("G6: a lease that is revoked ends its calls at once: before the answer by 401, in a stream by a reset", async () => {
  let sent = 0
  const opened = await lab({
    handler: (request, response) => {
      response.on("close", () => sent++)
      if (request.url?.includes("stream"))
        response.writeHead(200, { "content-type": "text/event-stream" }).write("data: 1\n\n")
    },
  })
  const [token, other] = [opened.issue(), opened.issue()]
  const id = opened.leases.list().at(-2)?.id ?? ""
  const ask = (path: string, key: string) =>
    talk({ port: opened.port }, rawRequest("GET", path, { "x-api-key": key }))
  const calls = [ask("/openai/a", token), ask("/openai/stream", token)]
  const others = ask("/openai/b", other)
  await expect.poll(() => opened.upstream.requests.length).toBe(3)
  expect(opened.leases.revoke(id)?.id).toBe(id)
  const [held, stream] = await Promise.all(calls)
  expect(held?.text).toMatch(/^HTTP\/1.1 401 [^]*gateway\/lease-revoked/)
  expect(stream?.isReset).toBe(true)
  await expect.poll(() => sent).toBe(2)
  expect(
    opened.recorder.of("llm_response").map(({ facts }) => facts.measured.completeness),
  ).toEqual(["refused", "refused"])
  expect((await ask("/openai/c", token)).text).toContain("gateway/lease-revoked")
  await opened.gateway.close()
  await others
})

test.each<{ ends: string; code: string; end: (opened: Lab) => void }>([
  {
    ends: "is revoked",
    code: "gateway/lease-revoked",
    end: ({ leases }) => void leases.revoke(leases.list()[0]?.id ?? ""),
  },
  {
    ends: "runs out",
    code: "gateway/lease-expired",
    end: ({ time }) => void (time.now += 60_000),
  },
])("a lease that $ends while its request is recorded is not forwarded", async ({ end, code }) => {
  const opened = await lab()
  opened.recorder.before = ({ type }) => {
    if (type === "llm_request") end(opened)
  }
  expect((await chat(opened, opened.token)).code).toBe(code)
  expect(opened.upstream.requests).toHaveLength(0)
  expect(opened.recorder.of("llm_response")[0]?.facts.measured.completeness).toBe("refused")
})

test("a lease that runs out while its body comes in is not forwarded", async () => {
  const opened = await lab()
  const head = rawRequest("POST", "/openai/x", {
    "x-api-key": opened.token,
    "content-length": "4",
    expect: "100-continue",
  })
  const { text } = await talk({ port: opened.port }, head, (all, socket) => {
    if (!all.endsWith("100 Continue\r\n\r\n")) return
    opened.time.now += 60_000
    socket.write("late")
  })
  expect(text).toMatch(/HTTP\/1.1 401 [^]*gateway\/lease-expired/)
  expect(opened.upstream.connections).toBe(0)
})

test.each([
  {
    why: "two Authorization headers",
    headers: (a: string) => [`authorization: Bearer ${a}`, "authorization: Bearer x"],
  },
  {
    why: "two leases",
    headers: (a: string, b: string) => [`authorization: Bearer ${a}`, `x-api-key: ${b}`],
  },
  {
    why: "the same key header twice",
    headers: (a: string) => [`x-api-key: ${a}`, `x-api-key: ${a}`],
  },
])("G6: a request with $why is refused and not forwarded", async ({ headers }) => {
  const opened = await lab()
  const lines = headers(opened.token, opened.issue({ agent: "agent-2" }))
  const bytes = ["GET /openai/x HTTP/1.1", "host: h", ...lines, "connection: close", "", ""].join(
    "\r\n",
  )
  expect((await talk({ port: opened.port }, bytes)).text).toMatch(/^HTTP\/1.1 400 /)
  expect(opened.upstream.connections).toBe(0)
})

test("G6: a key of the agent's own beside the lease is dropped and noted, and nothing of it is kept", async () => {
  const opened = await lab({ handler: answers })
  const headers = { authorization: `Bearer ${opened.token}`, "x-api-key": "sk-agents-own-key" }
  const response = await fetch(`${opened.base}/x`, { headers })
  expect(response.status).toBe(200)
  expect(opened.upstream.requests[0]?.headers.join()).not.toContain("sk-agents-own-key")
  expect(opened.recorder.of("audit")).toMatchObject([
    { agent: "agent-1", facts: { measured: { code: "PROVIDER_KEY_PRESENTED" } } },
  ])
  expect(JSON.stringify(opened.recorder.observations)).not.toContain("agents-own")
})

test("G6: no header chooses another account of the key's owner", async () => {
  const opened = await lab()
  const headers = {
    "x-api-key": opened.token,
    "openai-organization": "org-2",
    "OpenAI-Project": "p",
    "x-goog-user-project": "q",
    openai_organization: "org-2",
    OpenAI_Project: "p",
    api_key: "sk-own",
  }
  await fetch(`${opened.base}/x`, { headers })
  expect(opened.upstream.requests[0]?.headers.join().toLowerCase()).not.toMatch(
    /org-2|project|sk-own/,
  )
})

test("a locked gateway answers 503 and forwards nothing", async () => {
  const opened = await lab()
  opened.gateway.lock()
  const answer = await chat(opened, opened.token)
  expect([answer.status, answer.code, answer.headers.get("retry-after")]).toEqual([
    503,
    "gateway/locked",
    "1",
  ])
  expect(opened.upstream.connections).toBe(0)
})

test("a lease of no session gets the one that is opened for it, and leaves it when its call has ended", async () => {
  const seen: string[] = []
  const opened = await lab({
    handler: answers,
    sessions: {
      enter: async ({ agent }) => {
        seen.push(`enter ${agent}`)
        return { session: "opened-1", leave: () => seen.push("leave") }
      },
    },
  })
  expect((await chat(opened, opened.issue({ session: null }))).status).toBe(200)
  await expect.poll(() => seen).toEqual(["enter agent-1", "leave"])
  expect(opened.recorder.of("llm_request")).toMatchObject([{ session: "opened-1" }])
})
