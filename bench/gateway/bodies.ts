/** Where the mock answers how: the whole body, a stream at once, a stream with pauses. */
export const paths = {
  json: "/json/chat/completions",
  burst: "/burst/chat/completions",
  paced: "/paced/chat/completions",
} as const
export type Answer = keyof typeof paths

export const framesOf: Record<Exclude<Answer, "json">, number> = { burst: 32, paced: 8 }
export const paceMs = 20
const bodySize = 1024

/** A request of 1,024 bytes as an agent sends it. */
export function requestBody(isStream: boolean): Buffer {
  const tools = ["read_file", "write_file"].map((name) => ({
    type: "function",
    function: { name, parameters: { type: "object", properties: { path: { type: "string" } } } },
  }))
  return padded((content) => ({
    model: "model-1",
    stream: isStream,
    messages: [
      { role: "system", content: "You are a coding agent." },
      { role: "user", content },
    ],
    tools,
  }))
}

/** A completion of 1,024 bytes with a tool call in it. */
export function responseBody(): Buffer {
  const call = { name: "read_file", arguments: '{"path":"src/main.ts"}' }
  return padded((content) => ({
    id: "chatcmpl-1",
    object: "chat.completion",
    created: 1_790_000_000,
    model: "model-1-2026",
    choices: [
      {
        index: 0,
        finish_reason: "tool_calls",
        message: {
          role: "assistant",
          content,
          tool_calls: [{ id: "call_1", type: "function", function: call }],
        },
      },
    ],
    usage: { prompt_tokens: 230, completion_tokens: 41, total_tokens: 271 },
  }))
}

/** The frames of a streamed completion, the last with its usage, and the end mark. */
export function streamFrames(count: number): Buffer[] {
  const frames = Array.from({ length: count }, (_, at) => {
    const isLast = at === count - 1
    const chunk = {
      id: "chatcmpl-1",
      object: "chat.completion.chunk",
      created: 1_790_000_000,
      model: "model-1-2026",
      choices: [
        { index: 0, delta: { content: ` word ${at}` }, finish_reason: isLast ? "stop" : null },
      ],
      ...(isLast ? { usage: { prompt_tokens: 230, completion_tokens: count } } : {}),
    }
    return Buffer.from(`data: ${JSON.stringify(chunk)}\n\n`)
  })
  return [...frames, Buffer.from("data: [DONE]\n\n")]
}

function padded(make: (content: string) => unknown): Buffer {
  const bare = Buffer.byteLength(JSON.stringify(make("")))
  return Buffer.from(JSON.stringify(make("lorem ".repeat(200).slice(0, bodySize - bare))))
}
