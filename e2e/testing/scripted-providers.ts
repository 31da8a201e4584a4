import type { ServerResponse } from "node:http"
import type { Arrived, Upstream } from "./upstream.ts"
import { startUpstream } from "./upstream.ts"

/** What the scripted providers' answers report, in whichever words their formats have. */
export const scripted = {
  model: "scripted-1",
  input: 120,
  output: 9,
  cached: 100,
  tool: "get_weather",
} as const

type Json = Readonly<Record<string, unknown>>
interface Asked {
  readonly path: string
  readonly isStream: boolean
  /** Tools are offered, and none was called yet. */
  readonly wantsCall: boolean
}

/** A server that speaks every provider's format: it calls the first tool that it is offered, then says hello. */
export function startScriptedProviders(): Promise<Upstream> {
  return startUpstream(answer)
}

function answer({ target, body }: Arrived, response: ServerResponse): void {
  const asked = askedBy(target, body.toString("utf8"))
  const [maker] = makers.find(([, pattern]) => pattern.test(asked.path)) ?? []
  if (maker === undefined) return void response.writeHead(404).end("{}")
  maker(asked, response)
}

function askedBy(target: string, text: string): Asked {
  const [path = ""] = target.split("?", 1)
  const said = JSON.parse(text === "" ? "{}" : text) as Json
  const isCalled = /"(?:tool|tool_result|function_call_output|functionResponse)"/.test(text)
  const tools = said["tools"]
  return {
    path,
    isStream: /:stream|-stream/.test(path) || said["stream"] === true,
    wantsCall: Array.isArray(tools) && tools.length > 0 && !isCalled,
  }
}

function json(response: ServerResponse, value: Json): void {
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value))
}

function events(response: ServerResponse, named: boolean, values: readonly Json[], end = ""): void {
  response.writeHead(200, { "content-type": "text/event-stream" })
  for (const value of values)
    response.write(
      `${named ? `event: ${String(value["type"])}\n` : ""}data: ${JSON.stringify(value)}\n\n`,
    )
  response.end(end)
}

const chatUsage = {
  prompt_tokens: scripted.input,
  completion_tokens: scripted.output,
  total_tokens: scripted.input + scripted.output,
  prompt_tokens_details: { cached_tokens: scripted.cached },
}

function chat({ isStream, wantsCall }: Asked, response: ServerResponse): void {
  const call = {
    id: "call_1",
    type: "function",
    function: { name: scripted.tool, arguments: "{}" },
  }
  const said = wantsCall ? { content: null, tool_calls: [call] } : { content: "hello" }
  const finish_reason = wantsCall ? "tool_calls" : "stop"
  const base = { id: "c1", created: 1, model: scripted.model }
  const whole = { ...base, object: "chat.completion", usage: chatUsage }
  if (!isStream)
    return json(response, {
      ...whole,
      choices: [{ index: 0, message: { role: "assistant", ...said }, finish_reason }],
    })
  const chunk = { ...base, object: "chat.completion.chunk" }
  const delta = wantsCall ? { tool_calls: [{ index: 0, ...call }] } : { content: "hello" }
  events(
    response,
    false,
    [
      { ...chunk, choices: [{ index: 0, delta: { role: "assistant", ...delta } }] },
      { ...chunk, choices: [{ index: 0, delta: {}, finish_reason }] },
      { ...chunk, choices: [], usage: chatUsage },
    ],
    "data: [DONE]\n\n",
  )
}

function responses({ isStream, wantsCall }: Asked, response: ServerResponse): void {
  const item = wantsCall
    ? {
        id: "fc_1",
        type: "function_call",
        call_id: "call_1",
        name: scripted.tool,
        arguments: "{}",
        status: "completed",
      }
    : {
        id: "msg_1",
        type: "message",
        role: "assistant",
        status: "completed",
        content: [{ type: "output_text", text: "hello", annotations: [] }],
      }
  const whole = {
    id: "resp_1",
    object: "response",
    created_at: 1,
    status: "completed",
    model: scripted.model,
    output: [item],
    parallel_tool_calls: true,
    tools: [],
    usage: {
      input_tokens: scripted.input,
      input_tokens_details: { cached_tokens: scripted.cached },
      output_tokens: scripted.output,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: scripted.input + scripted.output,
    },
  }
  if (!isStream) return json(response, whole)
  const place = { output_index: 0, item_id: item.id, content_index: 0 }
  const text = { type: "response.output_text.delta", ...place, delta: "hello", logprobs: [] }
  const steps: Json[] = [
    { type: "response.created", response: { ...whole, status: "in_progress", output: [] } },
    { type: "response.output_item.added", output_index: 0, item: { ...item, content: [] } },
    ...(wantsCall ? [] : [text]),
    { type: "response.output_item.done", output_index: 0, item },
    { type: "response.completed", response: whole },
  ]
  events(
    response,
    true,
    steps.map((step, sequence_number) => ({ ...step, sequence_number })),
  )
}

function messages({ isStream, wantsCall, path }: Asked, response: ServerResponse): void {
  if (path.endsWith("/count_tokens")) return json(response, { input_tokens: scripted.input })
  const block = wantsCall
    ? { type: "tool_use", id: "toolu_1", name: scripted.tool, input: {} }
    : { type: "text", text: "hello" }
  const usage = {
    input_tokens: scripted.input,
    cache_read_input_tokens: scripted.cached,
    cache_creation_input_tokens: 0,
  }
  const stop_reason = wantsCall ? "tool_use" : "end_turn"
  const base = { id: "msg_1", type: "message", role: "assistant", model: scripted.model }
  if (!isStream)
    return json(response, {
      ...base,
      content: [block],
      stop_reason,
      stop_sequence: null,
      usage: { ...usage, output_tokens: scripted.output },
    })
  const start = { ...base, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } }
  const delta = wantsCall
    ? { type: "input_json_delta", partial_json: "{}" }
    : { type: "text_delta", text: "hello" }
  events(response, true, [
    { type: "message_start", message: start },
    {
      type: "content_block_start",
      index: 0,
      content_block: wantsCall ? block : { type: "text", text: "" },
    },
    { type: "ping" },
    { type: "content_block_delta", index: 0, delta },
    { type: "content_block_stop", index: 0 },
    {
      type: "message_delta",
      delta: { stop_reason, stop_sequence: null },
      usage: { output_tokens: scripted.output },
    },
    { type: "message_stop" },
  ])
}

function gemini({ isStream, wantsCall, path }: Asked, response: ServerResponse): void {
  if (path.endsWith(":countTokens")) return json(response, { totalTokens: scripted.input })
  const part = wantsCall ? { functionCall: { name: scripted.tool, args: {} } } : { text: "hello" }
  const usageMetadata = {
    promptTokenCount: scripted.input,
    cachedContentTokenCount: scripted.cached,
    candidatesTokenCount: scripted.output - 2,
    thoughtsTokenCount: 2,
    totalTokenCount: scripted.input + scripted.output,
  }
  const candidates = [{ index: 0, content: { role: "model", parts: [part] }, finishReason: "STOP" }]
  const whole = { candidates, usageMetadata, modelVersion: scripted.model }
  if (!isStream) return json(response, whole)
  const early = { promptTokenCount: scripted.input, totalTokenCount: scripted.input }
  events(response, false, [
    { candidates: [], usageMetadata: early, modelVersion: scripted.model },
    whole,
  ])
}

function ollama({ isStream, wantsCall, path }: Asked, response: ServerResponse): void {
  const message = wantsCall
    ? {
        role: "assistant",
        content: "",
        tool_calls: [{ function: { name: scripted.tool, arguments: {} } }],
      }
    : { role: "assistant", content: "hello" }
  const said = path.endsWith("/generate") ? { response: "hello" } : { message }
  const base = { model: scripted.model, created_at: "2026-11-22T00:00:00Z" }
  const last = {
    done: true,
    done_reason: "stop",
    prompt_eval_count: scripted.input,
    eval_count: scripted.output,
  }
  if (!isStream) return json(response, { ...base, ...said, ...last })
  response.writeHead(200, { "content-type": "application/x-ndjson" })
  response.write(`${JSON.stringify({ ...base, ...said, done: false })}\n`)
  const empty = { message: { role: "assistant", content: "" }, response: "" }
  response.end(`${JSON.stringify({ ...base, ...empty, ...last })}\n`)
}

function embeddings(_asked: Asked, response: ServerResponse): void {
  json(response, {
    object: "list",
    model: scripted.model,
    data: [{ object: "embedding", index: 0, embedding: [0.25, -0.5] }],
    usage: { prompt_tokens: scripted.input, total_tokens: scripted.input },
  })
}

const makers: readonly [(asked: Asked, response: ServerResponse) => void, RegExp][] = [
  [chat, /\/chat\/completions$/],
  [responses, /\/responses$/],
  [embeddings, /\/embeddings$/],
  [messages, /\/v1\/messages(?:\/count_tokens)?$/],
  [gemini, /\/models\/[^/]+:\w+$/],
  [ollama, /\/api\/(?:chat|generate)$/],
]
