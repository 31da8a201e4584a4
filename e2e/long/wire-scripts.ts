/** What the model does next: a tool's use, or words. */
export type Turn =
  | { readonly tool: string; readonly input: Readonly<Record<string, unknown>> }
  | { readonly words: string }

export interface Asked {
  readonly tools: readonly string[]
  /** Whether the result of a tool's use is in it. */
  readonly hasResult: boolean
}

/** One provider's way to be asked and to stream. */
export interface Wire {
  /** Of the target's path. */
  readonly path: RegExp
  ask(body: Json): Asked
  /** The stream, frame by frame. */
  frames(turn: Turn): readonly string[]
}

export type Json = Readonly<Record<string, unknown>>

export const model = "scripted-1"
/** What each answer says that it took. */
export const usage = { input: 120, output: 17 } as const

const named = (event: Json): string => `event: ${event["type"]}\ndata: ${JSON.stringify(event)}\n\n`
const data = (event: Json): string => `data: ${JSON.stringify(event)}\n\n`
const list = (value: unknown): readonly Json[] => (Array.isArray(value) ? (value as Json[]) : [])
const text = (value: unknown): string => JSON.stringify(value ?? "")

function halves(value: string): [string, string] {
  const middle = Math.ceil(value.length / 2)
  return [value.slice(0, middle), value.slice(middle)]
}

const messages: Wire = {
  path: /\/v1\/messages$/,
  ask: (body) => ({
    tools: list(body["tools"]).map(({ name }) => String(name)),
    hasResult: text(body["messages"]).includes('"tool_result"'),
  }),
  frames: (turn) => {
    const isTool = "tool" in turn
    const block = isTool
      ? { type: "tool_use", id: "toolu_1", name: turn.tool, input: {} }
      : { type: "text", text: "" }
    const pieces = isTool
      ? halves(JSON.stringify(turn.input)).map((partial_json) => ({
          type: "input_json_delta",
          partial_json,
        }))
      : [{ type: "text_delta", text: turn.words }]
    const started = {
      id: "msg_1",
      type: "message",
      role: "assistant",
      model,
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: { input_tokens: usage.input, output_tokens: 1 },
    }
    return [
      { type: "message_start", message: started },
      { type: "content_block_start", index: 0, content_block: block },
      ...pieces.map((delta) => ({ type: "content_block_delta", index: 0, delta })),
      { type: "content_block_stop", index: 0 },
      {
        type: "message_delta",
        delta: { stop_reason: isTool ? "tool_use" : "end_turn", stop_sequence: null },
        usage: { output_tokens: usage.output },
      },
      { type: "message_stop" },
    ].map(named)
  },
}

const responses: Wire = {
  path: /\/v1\/responses$/,
  ask: (body) => ({
    tools: list(body["tools"]).flatMap(({ name }) => (typeof name === "string" ? [name] : [])),
    hasResult: text(body["input"]).includes('_output"'),
  }),
  frames: (turn) => {
    const isTool = "tool" in turn
    const empty = isTool
      ? { type: "function_call", id: "fc_1", call_id: "call_1", name: turn.tool, arguments: "" }
      : { type: "message", id: "msg_1", role: "assistant", content: [] }
    const args = isTool ? JSON.stringify(turn.input) : ""
    const part = { type: "output_text", text: isTool ? "" : turn.words, annotations: [] }
    const whole = isTool ? { ...empty, arguments: args } : { ...empty, content: [part] }
    const place = { item_id: empty.id, output_index: 0 }
    const pieces: Json[] = isTool
      ? [
          ...halves(args).map((delta) => ({
            type: "response.function_call_arguments.delta",
            ...place,
            delta,
          })),
          { type: "response.function_call_arguments.done", ...place, arguments: args },
        ]
      : [
          {
            type: "response.content_part.added",
            ...place,
            content_index: 0,
            part: { ...part, text: "" },
          },
          { type: "response.output_text.delta", ...place, content_index: 0, delta: part.text },
          { type: "response.output_text.done", ...place, content_index: 0, text: part.text },
          { type: "response.content_part.done", ...place, content_index: 0, part },
        ]
    const response = { id: "resp_1", object: "response", created_at: 1_790_000_000, model }
    const total = { input_tokens: usage.input, output_tokens: usage.output }
    const counted = {
      ...total,
      total_tokens: usage.input + usage.output,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens_details: { reasoning_tokens: 0 },
    }
    const open = { ...response, status: "in_progress", output: [] }
    const done = { ...response, status: "completed", output: [whole], usage: counted }
    const events: Json[] = [
      { type: "response.created", response: open },
      { type: "response.output_item.added", output_index: 0, item: empty },
      ...pieces,
      { type: "response.output_item.done", output_index: 0, item: whole },
      { type: "response.completed", response: done },
    ]
    return events.map((event, at) => named({ ...event, sequence_number: at }))
  },
}

const chat: Wire = {
  path: /\/v1\/chat\/completions$/,
  ask: (body) => ({
    tools: list(body["tools"]).map((tool) => String((tool["function"] as Json)["name"])),
    hasResult: list(body["messages"]).some(({ role }) => role === "tool"),
  }),
  frames: (turn) => {
    const isTool = "tool" in turn
    const of = (delta: Json, finish_reason: string | null = null): Json => ({
      id: "chatcmpl-1",
      object: "chat.completion.chunk",
      created: 1_790_000_000,
      model,
      choices: [{ index: 0, delta, finish_reason }],
    })
    const call = isTool
      ? { index: 0, id: "call_1", type: "function", function: { name: turn.tool, arguments: "" } }
      : null
    const pieces = isTool
      ? halves(JSON.stringify(turn.input)).map((args) =>
          of({ tool_calls: [{ index: 0, function: { arguments: args } }] }),
        )
      : [of({ content: turn.words })]
    const total = { prompt_tokens: usage.input, completion_tokens: usage.output }
    const counted = { ...total, total_tokens: usage.input + usage.output }
    return [
      of({ role: "assistant", content: isTool ? null : "", ...(call && { tool_calls: [call] }) }),
      ...pieces,
      of({}, isTool ? "tool_calls" : "stop"),
      { ...of({}), choices: [], usage: counted },
    ]
      .map(data)
      .concat("data: [DONE]\n\n")
  },
}

const gemini: Wire = {
  path: /:streamGenerateContent$/,
  ask: (body) => ({
    tools: list(body["tools"])
      .flatMap((tool) => list(tool["functionDeclarations"]))
      .map(({ name }) => String(name)),
    hasResult: text(body["contents"]).includes('"functionResponse"'),
  }),
  frames: (turn) => {
    const part =
      "tool" in turn
        ? { functionCall: { name: turn.tool, args: turn.input } }
        : { text: turn.words }
    const counts = { promptTokenCount: usage.input, candidatesTokenCount: usage.output }
    const usageMetadata = { ...counts, totalTokenCount: usage.input + usage.output }
    const of = (parts: readonly Json[], more: Json = {}): string =>
      data({
        candidates: [{ index: 0, content: { role: "model", parts }, ...more }],
        modelVersion: model,
        usageMetadata,
      })
    return [of([part]), of([{ text: "" }], { finishReason: "STOP" })]
  },
}

export const wires: readonly Wire[] = [messages, responses, chat, gemini]
