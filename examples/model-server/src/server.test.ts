import OpenAI from "openai"
import { expect, onTestFinished, test } from "vitest"
import { startModelServer } from "./server.ts"

const apiKey = "test-key-of-the-model-server"

async function start(): Promise<{ url: string; client: OpenAI }> {
  const server = await startModelServer({ apiKey, clock: () => 1_700_000_000_999 })
  onTestFinished(() => server.close())
  return { url: server.url, client: new OpenAI({ apiKey, baseURL: `${server.url}/v1` }) }
}

const post = (body: string): RequestInit => ({
  method: "POST",
  headers: { authorization: `Bearer ${apiKey}` },
  body,
})

test.each([
  { why: "no key", path: "/v1/models", init: {}, status: 401, code: "invalid_api_key" },
  {
    why: "a wrong key",
    path: "/v1/models",
    init: { headers: { authorization: "Bearer test-key" } },
    status: 401,
    code: "invalid_api_key",
  },
  { why: "an unknown path", path: "/v1/files", init: post("{}"), status: 404, code: "unknown_url" },
  { why: "a wrong method", path: "/v1/models", init: post("{}"), status: 404, code: "unknown_url" },
  {
    why: "a body that is not JSON",
    path: "/v1/chat/completions",
    init: post("{"),
    status: 400,
    code: "invalid_request",
  },
  {
    why: "a body that is no object",
    path: "/v1/responses",
    init: post("[]"),
    status: 400,
    code: "invalid_request",
  },
  {
    why: "messages that are missing",
    path: "/v1/chat/completions",
    init: post('{"model":"m"}'),
    status: 400,
    code: "invalid_request",
  },
  {
    why: "a conversation that it would have to remember",
    path: "/v1/responses",
    init: post('{"model":"m","input":"x","previous_response_id":"resp_1"}'),
    status: 400,
    code: "invalid_request",
  },
  {
    why: "a body over 8 MiB",
    path: "/v1/responses",
    init: post(`{"model":"${"m".repeat(8 * 1024 * 1024)}"}`),
    status: 413,
    code: "request_too_large",
  },
])("refuses $why with $status in OpenAI's shape", async ({ path, init, status, code }) => {
  const { url } = await start()
  const answer = await fetch(url + path, init)
  expect(answer.status).toBe(status)
  expect(await answer.json()).toMatchObject({ error: { code, message: expect.any(String) } })
})

test("lists its one model", async () => {
  const { client } = await start()
  const { data } = await client.models.list()
  expect(data).toEqual([
    { id: "scripted-1", object: "model", created: 1_700_000_000, owned_by: "script" },
  ])
})

test("tells what it is to a conversation that it does not know, and counts words", async () => {
  const { client } = await start()
  const completion = await client.chat.completions.create({
    model: "any",
    messages: [{ role: "user", content: "What is\n the capital of France?" }],
  })
  const text = completion.choices[0]?.message.content ?? ""
  expect(text).toContain("scripted model")
  expect(completion.model).toBe("scripted-1")
  const output = text.split(" ").length
  expect(completion.usage).toEqual({
    prompt_tokens: 6,
    completion_tokens: output,
    total_tokens: 6 + output,
  })
})

test("calls no tool that it was not offered", async () => {
  const { client } = await start()
  const completion = await client.chat.completions.create({
    model: "any",
    messages: [{ role: "user", content: "# Invoices lose cents" }],
    tools: [{ type: "function", function: { name: "list_files" } }],
  })
  expect(completion.choices[0]?.message.tool_calls).toBeUndefined()
  expect(completion.choices[0]?.finish_reason).toBe("stop")
})

test("streams the counts only if they are asked for", async () => {
  const { client } = await start()
  for (const include_usage of [true, false]) {
    const stream = await client.chat.completions.create({
      model: "any",
      messages: [{ role: "user", content: "hello" }],
      stream: true,
      stream_options: { include_usage },
    })
    const chunks = []
    for await (const chunk of stream) chunks.push(chunk)
    expect(chunks.at(-1)?.choices.length).toBe(include_usage ? 0 : 1)
    expect(chunks.at(-1)?.usage?.prompt_tokens).toBe(include_usage ? 1 : undefined)
  }
})
