import * as fc from "fast-check"
import { expect, test } from "vitest"
import { converseStream, invokeStream } from "./event-stream.fixture.ts"
import type { FormatName } from "./format.ts"
import { formatOf, formats } from "./formats.ts"
import { eventsOf, readAnswer, readRequest } from "./reading.fixture.ts"

const sse = "text/event-stream; charset=utf-8"
const json = "application/json"
const ndjson = "application/x-ndjson"
const aws = "application/vnd.amazon.eventstream"
const lines = (...values: unknown[]) => values.map((each) => `${JSON.stringify(each)}\n`).join("")

test.each([
  ["/v1/chat/completions", "openai.chat"],
  ["/chat/completions", "openai.chat"],
  ["/openai/deployments/my-gpt/chat/completions", "openai.chat", "my-gpt"],
  ["/openai/v1/chat/completions", "openai.chat"],
  ["/api/v1/chat/completions", "openai.chat"],
  ["/v1/responses", "openai.responses"],
  ["/v1/responses/compact", "openai.responses"],
  ["/openai/v1/responses", "openai.responses"],
  ["/v1/responses/resp_1/cancel", "other"],
  ["/v1/completions", "openai.completions"],
  ["/openai/deployments/old/completions", "openai.completions", "old"],
  ["/v1/embeddings", "openai.embeddings"],
  ["/openai/deployments/a%20b/embeddings", "openai.embeddings", "a b"],
  ["/v1/messages", "anthropic.messages"],
  ["/messages", "anthropic.messages"],
  ["/anthropic/v1/messages", "anthropic.messages"],
  ["/v1/messages/count_tokens", "anthropic.count_tokens"],
  ["/v1/messages/batches", "other"],
  ["/v1/threads/t1/messages", "other"],
  [
    "/v1/projects/p/locations/l/publishers/anthropic/models/claude-x@2026:rawPredict",
    "anthropic.messages",
    "claude-x@2026",
  ],
  [
    "/v1/projects/p/locations/l/publishers/anthropic/models/claude-x:streamRawPredict",
    "anthropic.messages",
    "claude-x",
    true,
  ],
  [
    "/v1/projects/p/locations/l/publishers/anthropic/models/count-tokens:rawPredict",
    "anthropic.count_tokens",
  ],
  ["/v1beta/models/gemini-x:generateContent", "gemini.generate", "gemini-x"],
  ["/v1beta/models/gemini-x:streamGenerateContent", "gemini.generate", "gemini-x", true],
  ["/v1beta/tunedModels/mine:generateContent", "gemini.generate", "mine"],
  ["/v1/projects/p/locations/l/publishers/google/models/g:generateContent", "gemini.generate", "g"],
  ["/v1beta/models/e:batchEmbedContents", "gemini.embed", "e"],
  ["/v1beta/models/g:countTokens", "gemini.count_tokens", "g"],
  ["/api/chat", "ollama.chat", "", true],
  ["/api/generate", "ollama.generate", "", true],
  ["/api/embed", "ollama.embed"],
  ["/model/anthropic.claude-x%3A0/converse", "bedrock.converse", "anthropic.claude-x:0"],
  ["/model/m/converse-stream", "bedrock.converse", "m", true],
  ["/model/arn%3Aaws%3Ab%2Fm/invoke", "bedrock.invoke", "arn:aws:b/m"],
  ["/model/m/invoke-with-response-stream", "bedrock.invoke", "m", true],
  ["/model/%zz/invoke", "bedrock.invoke", "%zz"],
  ["/v1/models", "other"],
  ["/v1/audio/speech", "other"],
  ["/responses-of-mine", "other"],
])("a request to %s has the format %s", (path, format, model = "", stream = false) => {
  expect(readRequest(path, "{}").reported).toEqual({ path, format, model, stream, tools: 0 })
  expect(readRequest(path, "{}", "GET").reported.format).toBe("other")
})

test.each([
  {
    why: "a model in the path, whatever the body says",
    path: "/model/real/converse",
    body: { model: "claimed", toolConfig: { tools: [{ toolSpec: { name: "a" } }, {}] } },
    facts: { model: "real", tools: 2 },
  },
  {
    why: "tools of Anthropic's, typed ones among them",
    path: "/v1/messages",
    body: {
      model: "c",
      stream: true,
      tools: [{ name: "a" }, { type: "web_search_20250305", name: "web_search" }],
    },
    facts: { model: "c", stream: true, tools: 2 },
  },
  {
    why: "function declarations beside other tools",
    path: "/v1beta/models/g:generateContent",
    body: { tools: [{ functionDeclarations: [{}, {}, {}] }, { googleSearch: {} }] },
    facts: { tools: 4 },
  },
  {
    why: "a namespace next to typed tools without a name (trap 10)",
    path: "/v1/responses",
    body: {
      tools: [
        { type: "function", name: "shell", parameters: { tools: [1, 2, 3] } },
        { type: "namespace", name: "multi_agent_v1", tools: [{ name: "spawn" }, { name: "wait" }] },
        { type: "web_search" },
      ],
    },
    facts: { tools: 4 },
  },
  {
    why: "a chat with Ollama that shall not stream",
    path: "/api/chat",
    body: { model: "llama", stream: false },
    facts: { model: "llama", stream: false },
  },
  {
    why: "a stream that is null",
    path: "/api/chat",
    body: { model: "llama", stream: null },
    facts: { stream: true },
  },
])("reads the facts of a request with $why", ({ path, body, facts }) => {
  const read = readRequest(path, JSON.stringify(body))
  expect(read).toMatchObject({ truncated: false, reported: facts })
})

test.each(['{"model":"a","model":"b"}', '{"model":"a","Model":"b"}', '{"TOOLS":[],"model":"a"}'])(
  "which member counts for the provider is not known of %s, so the facts are incomplete",
  (body) => {
    expect(readRequest("/v1/chat/completions", body).truncated).toBe(true)
  },
)

const counts = (input: number, output: number, read: number, write: number) => ({
  input_tokens: input,
  output_tokens: output,
  cache_read_tokens: read,
  cache_write_tokens: write,
})

const messageStart = {
  type: "message_start",
  message: {
    model: "claude-x",
    usage: {
      input_tokens: 25,
      cache_creation_input_tokens: 2_000,
      cache_read_input_tokens: 0,
      output_tokens: 1,
    },
  },
}
const toolStart = {
  type: "content_block_start",
  index: 1,
  content_block: { type: "tool_use", id: "toolu_1", name: "get_weather", input: {} },
}
const messageDelta = {
  type: "message_delta",
  delta: { stop_reason: "tool_use" },
  usage: { output_tokens: 89, cache_creation_input_tokens: null },
}
const geminiChunk = (usage: object, more: object = {}) => ({
  candidates: [{ content: { parts: [{ text: "x" }] }, ...more }],
  modelVersion: "gemini-x-001",
  usageMetadata: usage,
})
const geminiCall = {
  content: { parts: [{ text: "x" }, { functionCall: { name: "find", args: { name: "no" } } }] },
  finishReason: "STOP",
}
const geminiChunks = [
  geminiChunk({ promptTokenCount: 9, cachedContentTokenCount: 4 }),
  geminiChunk({ promptTokenCount: 9, candidatesTokenCount: 3, cachedContentTokenCount: 4 }),
  geminiChunk(
    {
      promptTokenCount: 9,
      candidatesTokenCount: 11,
      thoughtsTokenCount: 5,
      cachedContentTokenCount: 4,
    },
    geminiCall,
  ),
]
const geminiFacts = {
  ...counts(9, 16, 4, -1),
  model: "gemini-x-001",
  finish_reason: "STOP",
  tool_calls: 1,
  tool_names: ["find"],
}
const converseUsage = {
  usage: { inputTokens: 30, outputTokens: 12, cacheReadInputTokens: 7, cacheWriteInputTokens: 0 },
  metrics: { latencyMs: 1 },
}
const metrics = {
  inputTokenCount: 31,
  outputTokenCount: 13,
  cacheReadInputTokenCount: 8,
  cacheWriteInputTokenCount: 2,
}

interface Answer {
  readonly why: string
  readonly format: FormatName
  readonly type: string
  readonly body: string | Uint8Array
  readonly facts: object
  readonly headers?: Readonly<Record<string, string>>
}

/** One answer of each format and framing, with what it says. */
const answers: readonly Answer[] = [
  {
    why: "OpenAI usage in a chunk that has choices (LiteLLM #36168, #36882)",
    format: "openai.chat",
    type: sse,
    body: eventsOf(
      { model: "m", choices: [{ index: 0, delta: { content: "x" } }] },
      {
        choices: [{ index: 0, delta: {}, finish_reason: "stop" }],
        usage: {
          prompt_tokens: 7,
          completion_tokens: 8,
          prompt_tokens_details: { cached_tokens: 0 },
        },
      },
      "[DONE]",
    ),
    facts: { ...counts(7, 8, 0, -1), model: "m", finish_reason: "stop" },
  },
  {
    why: "OpenAI usage in the last chunk alone",
    format: "openai.chat",
    type: sse,
    body: eventsOf(
      { choices: [{ index: 0, delta: { content: "x" } }], usage: null },
      {
        choices: [],
        usage: {
          prompt_tokens: 70,
          completion_tokens: 8,
          prompt_tokens_details: { cached_tokens: 64, audio_tokens: 0 },
        },
      },
      "[DONE]",
    ),
    facts: counts(70, 8, 64, -1),
  },
  {
    why: "a proxy's cache counts in an OpenAI answer (LiteLLM #11789)",
    format: "openai.chat",
    type: json,
    body: JSON.stringify({
      usage: {
        prompt_tokens: 70,
        completion_tokens: 8,
        cache_read_input_tokens: 60,
        cache_creation_input_tokens: 5,
      },
    }),
    facts: counts(70, 8, 60, 5),
  },
  {
    why: "a completion of before chats",
    format: "openai.completions",
    type: json,
    body: JSON.stringify({
      model: "old",
      choices: [{ text: "x", index: 0, finish_reason: "length" }],
      usage: { prompt_tokens: 1, completion_tokens: 2 },
    }),
    facts: { ...counts(1, 2, -1, -1), model: "old", finish_reason: "length" },
  },
  {
    why: "embeddings",
    format: "openai.embeddings",
    type: json,
    body: JSON.stringify({
      data: [{ embedding: Array(500).fill(0.25), index: 0 }],
      model: "e",
      usage: { prompt_tokens: 6, total_tokens: 6 },
    }),
    facts: { ...counts(6, -1, -1, -1), model: "e" },
  },
  {
    why: "response.completed",
    format: "openai.responses",
    type: sse,
    body: eventsOf({
      type: "response.completed",
      response: {
        model: "m",
        status: "completed",
        usage: {
          input_tokens: 400,
          input_tokens_details: { cached_tokens: 384 },
          output_tokens: 5,
          output_tokens_details: { reasoning_tokens: 2 },
        },
      },
    }),
    facts: { ...counts(400, 5, 384, -1), model: "m", finish_reason: "completed" },
  },
  {
    why: "Anthropic's events: input first, output so far in each delta (LiteLLM #11789, #5364)",
    format: "anthropic.messages",
    type: sse,
    body: eventsOf(
      messageStart,
      { type: "ping" },
      { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
      toolStart,
      { type: "content_block_delta", index: 1, delta: { type: "input_json_delta" } },
      { type: "message_delta", delta: {}, usage: { output_tokens: 12 } },
      messageDelta,
      { type: "message_stop" },
    ),
    facts: {
      ...counts(25, 89, 0, 2_000),
      model: "claude-x",
      finish_reason: "tool_use",
      tool_calls: 1,
      tool_names: ["get_weather"],
    },
  },
  {
    why: "an Anthropic message with tools of the server and without cache counts",
    format: "anthropic.messages",
    type: json,
    body: JSON.stringify({
      model: "claude-x",
      stop_reason: "end_turn",
      content: [
        { type: "text", text: "x" },
        { type: "server_tool_use", name: "web_search" },
        { type: "tool_use", name: "a" },
        { type: "tool_use", name: "a" },
      ],
      usage: { input_tokens: 5, output_tokens: 6, cache_read_input_tokens: null },
    }),
    facts: { ...counts(5, 6, -1, -1), tool_calls: 3, tool_names: ["web_search", "a"] },
  },
  {
    why: "a count by Anthropic",
    format: "anthropic.count_tokens",
    type: json,
    body: '{"input_tokens":2095}',
    facts: counts(2095, -1, -1, -1),
  },
  {
    why: "Gemini's events, of which the last usage counts",
    format: "gemini.generate",
    type: sse,
    body: eventsOf(...geminiChunks),
    facts: geminiFacts,
  },
  {
    why: "Gemini's array that streams",
    format: "gemini.generate",
    type: json,
    body: JSON.stringify(geminiChunks, null, 2),
    facts: geminiFacts,
  },
  {
    why: "a whole Gemini answer",
    format: "gemini.generate",
    type: json,
    body: JSON.stringify(geminiChunks[2]),
    facts: geminiFacts,
  },
  {
    why: "a count by Gemini",
    format: "gemini.count_tokens",
    type: json,
    body: '{"totalTokens":31,"cachedContentTokenCount":0}',
    facts: counts(31, -1, 0, -1),
  },
  {
    why: "Ollama's lines",
    format: "ollama.chat",
    type: ndjson,
    body: lines(
      { model: "llama", message: { content: "x" }, done: false },
      {
        model: "llama",
        message: { tool_calls: [{ function: { name: "f", arguments: {} } }] },
        done: false,
      },
      {
        model: "llama",
        message: { content: "", tool_calls: [{ function: { name: "g" } }] },
        done: true,
        done_reason: "stop",
        prompt_eval_count: 26,
        eval_count: 298,
      },
    ),
    facts: {
      ...counts(26, 298, -1, -1),
      model: "llama",
      finish_reason: "stop",
      tool_calls: 2,
      tool_names: ["f", "g"],
    },
  },
  {
    why: "Ollama without a line's end, or a prompt count, which a cached prompt does not have",
    format: "ollama.generate",
    type: ndjson,
    body: '{"model":"llama","response":"x"}\n\n{"model":"llama","done_reason":"length","eval_count":3}',
    facts: { ...counts(-1, 3, -1, -1), finish_reason: "length" },
  },
  {
    why: "Ollama in one piece",
    format: "ollama.generate",
    type: "application/json; charset=utf-8",
    body: '{"model":"llama","context":[1,2],"prompt_eval_count":4,"eval_count":3}',
    facts: counts(4, 3, -1, -1),
  },
  {
    why: "a converse answer",
    format: "bedrock.converse",
    type: json,
    body: JSON.stringify({
      output: { message: { content: [{ text: "x" }, { toolUse: { name: "f", input: {} } }] } },
      stopReason: "tool_use",
      ...converseUsage,
    }),
    facts: {
      ...counts(30, 12, 7, 0),
      finish_reason: "tool_use",
      tool_calls: 1,
      tool_names: ["f"],
    },
  },
  {
    why: "a converse stream, with its cacheRead and cacheWrite (LiteLLM #34497)",
    format: "bedrock.converse",
    type: aws,
    body: converseStream(
      ["messageStart", { role: "assistant" }],
      ["contentBlockStart", { start: { toolUse: { toolUseId: "t", name: "f" } } }],
      ["contentBlockDelta", { delta: { toolUse: { input: "{}" } } }],
      ["messageStop", { stopReason: "tool_use" }],
      ["metadata", converseUsage],
    ),
    facts: {
      ...counts(30, 12, 7, 0),
      finish_reason: "tool_use",
      tool_calls: 1,
      tool_names: ["f"],
    },
  },
  {
    why: "an invoke stream of Anthropic's, with invocation metrics (LiteLLM #34497)",
    format: "bedrock.invoke",
    type: aws,
    body: invokeStream(messageStart, toolStart, messageDelta, {
      type: "message_stop",
      "amazon-bedrock-invocationMetrics": metrics,
    }),
    facts: {
      ...counts(31, 13, 8, 2),
      model: "claude-x",
      finish_reason: "tool_use",
      tool_calls: 1,
      tool_names: ["get_weather"],
    },
  },
  {
    why: "an invoke answer of a model that is not known, counted in headers",
    format: "bedrock.invoke",
    type: json,
    body: '{"generation":"x"}',
    headers: {
      "x-amzn-bedrock-input-token-count": "14",
      "x-amzn-bedrock-output-token-count": "15",
      "x-amzn-bedrock-cache-read-input-token-count": "0",
    },
    facts: counts(14, 15, 0, -1),
  },
  {
    why: "an invoke answer in the converse shape",
    format: "bedrock.invoke",
    type: json,
    body: JSON.stringify({
      output: { message: { content: [{ toolUse: { name: "f" } }] } },
      stopReason: "end_turn",
      usage: { inputTokens: 3, outputTokens: 4, cacheReadInputTokenCount: 1 },
    }),
    facts: { ...counts(3, 4, 1, -1), finish_reason: "end_turn", tool_names: ["f"] },
  },
]

test.each(answers)("reads $why", ({ format, type, body, facts, headers = {} }) => {
  const read = readAnswer(format, type, body, { headers })
  expect(read.truncated).toBe(false)
  expect(read.reported).toMatchObject(facts)
})

test("every format has an answer above that is read, but for those that report nothing", () => {
  const shown = new Set<string>(answers.map(({ format }) => format))
  const missing = formats.map(({ name }) => name).filter((name) => !shown.has(name))
  expect(missing).toEqual(["gemini.embed", "ollama.embed"])
})

test.each(answers)(
  "reads the same however it is cut: $why",
  ({ format, type, body, headers = {} }) => {
    const bytes = Buffer.from(body as Uint8Array)
    const read = (cuts: readonly number[]) => readAnswer(format, type, bytes, { headers, cuts })
    const whole = read([])
    const cutsOf = fc.array(fc.integer({ min: 1, max: 97 }), { maxLength: 60 })
    expect(read(Array(bytes.length).fill(1))).toEqual(whole)
    fc.assert(
      fc.property(cutsOf, (cuts) => {
        expect(read(cuts)).toEqual(whole)
      }),
      { numRuns: 30 },
    )
  },
)

test.each(answers)("tells without throwing what came before a cut in $why", (answer) => {
  const { format, type, body } = answer
  const bytes = Buffer.from(body as Uint8Array)
  for (let end = 0; end < bytes.length; end += 3)
    expect(() => readAnswer(format, type, bytes.subarray(0, end), { isWhole: false })).not.toThrow()
})

test("an array that breaks off keeps the usage of its whole elements, and says that it is incomplete", () => {
  const text = JSON.stringify(geminiChunks)
  const cut = text.slice(0, text.lastIndexOf("usageMetadata"))
  const read = readAnswer("gemini.generate", json, cut, { isWhole: false })
  expect(read.reported).toMatchObject(counts(9, 3, 4, -1))
  expect(read.truncated).toBe(true)
})

test("a message whose checksum fails changes no fact, and marks them all as incomplete", () => {
  const good = converseStream(["metadata", converseUsage])
  const bad = converseStream(["metadata", { usage: { inputTokens: 1, outputTokens: 1 } }])
  bad[bad.length - 1]! ^= 1
  const read = readAnswer("bedrock.converse", aws, Buffer.concat([good, bad]))
  expect(read.reported).toMatchObject(counts(30, 12, 7, 0))
  expect(read.truncated).toBe(true)
})

test("what is no JSON inside a chunk marks the facts as incomplete", () => {
  const broken = converseStream(["chunk", { bytes: Buffer.from('{"type":').toString("base64") }])
  const after = invokeStream({ "amazon-bedrock-invocationMetrics": metrics })
  const read = readAnswer("bedrock.invoke", aws, Buffer.concat([broken, after]))
  expect(read.reported).toMatchObject(counts(31, 13, 8, 2))
  expect(read.truncated).toBe(true)
})

test.each(["openai.chat", "anthropic.messages", "gemini.generate", "ollama.chat"] as const)(
  "a negative count is none, and none is zero: %s",
  (format) => {
    const body = JSON.stringify({
      usage: { prompt_tokens: -5, input_tokens: -5 },
      usageMetadata: { promptTokenCount: -5 },
      prompt_eval_count: -5,
    })
    const read = readAnswer(format, json, body)
    expect(read.reported).toMatchObject(counts(-1, -1, -1, -1))
    expect(read.truncated).toBe(true)
  },
)

test.each([
  { format: "openai.chat", usage: { prompt_tokens_details: { cached_tokens: 0 } } },
  { format: "openai.responses", usage: { input_tokens_details: { cached_tokens: 0 } } },
  { format: "anthropic.messages", usage: { cache_read_input_tokens: 0 } },
  { format: "bedrock.converse", usage: { cacheReadInputTokens: 0 } },
] as const)(
  "$format: a cache count of zero is kept, and one that is absent stays absent (LiteLLM #41067)",
  ({ format, usage }) => {
    const cached = (said: object) =>
      readAnswer(format, json, JSON.stringify({ usage: said })).reported.cache_read_tokens
    expect([cached(usage), cached({}), cached({ prompt_tokens_details: null })]).toEqual([
      0, -1, -1,
    ])
  },
)

test("an error's body, however it is made, has no facts of a model", () => {
  const error = { type: "error", error: { type: "overloaded_error", usage: { input_tokens: 3 } } }
  for (const { name } of formats)
    expect(readAnswer(name, json, JSON.stringify(error)).reported).toMatchObject({
      ...counts(-1, -1, -1, -1),
      tool_calls: 0,
    })
})

const shapes = fc.oneof(
  fc.uint8Array({ maxLength: 120 }),
  fc.json({ maxDepth: 4 }).map((text) => Buffer.from(`data: ${text}\n\n`)),
  fc.json({ maxDepth: 4 }).map((text) => Buffer.from(`${text}\n`)),
  fc.json({ maxDepth: 4 }).map((text) => converseStream(["chunk", { bytes: text }])),
  fc.jsonValue({ maxDepth: 4 }).map((value) => invokeStream(value)),
)

test.each(formats)(
  "no bytes make the reader of $name throw, and no cut changes what it reads",
  (format) => {
    fc.assert(
      fc.property(
        fc.array(shapes, { maxLength: 4 }),
        fc.constantFrom(sse, json, ndjson, aws),
        fc.array(fc.nat(40), { maxLength: 30 }),
        (parts, type, cuts) => {
          const bytes = Buffer.concat(parts)
          const whole = readAnswer(format.name, type, bytes)
          expect(readAnswer(format.name, type, bytes, { cuts })).toEqual(whole)
          for (const count of [whole.reported.input_tokens, whole.reported.output_tokens])
            expect(Number.isSafeInteger(count)).toBe(true)
        },
      ),
      { numRuns: 60 },
    )
  },
)

test("no path makes it throw, and nothing but a POST has a format", () => {
  fc.assert(
    fc.property(fc.webPath(), fc.string(), (path, text) => {
      expect(() => formatOf("POST", path + text)).not.toThrow()
      expect(formatOf("GET", path)).toBeNull()
    }),
    { numRuns: 30 },
  )
})
