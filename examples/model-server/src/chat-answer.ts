import { chatMessage, finishReason } from "./chat-completions.ts"
import type { Reply } from "./conversation.ts"
import { slicesOf, wordsOf } from "./pieces.ts"
import type { Usage } from "./usage.ts"

/** What every object of one answer carries. */
export interface AnswerHead {
  readonly id: string
  readonly createdSeconds: number
  readonly model: string
}

/** The whole answer of `POST /v1/chat/completions`. */
export function chatCompletion(head: AnswerHead, reply: Reply, usage: Usage): object {
  const choice = { index: 0, message: chatMessage(reply), logprobs: null }
  return {
    ...headOf(head, "chat.completion"),
    choices: [{ ...choice, finish_reason: finishReason(reply) }],
    usage: chatUsage(usage),
  }
}

/**
 * The same answer as the data of server-sent events, without the `[DONE]` at the end. With `usage` every
 * chunk has a usage field, and one more chunk without choices holds the counts.
 */
export function* chatChunks(
  head: AnswerHead,
  reply: Reply,
  usage: Usage | undefined,
): Generator<object> {
  const base = { ...headOf(head, "chat.completion.chunk"), ...(usage ? { usage: null } : {}) }
  const chunk = (delta: object, reason: string | null = null): object => ({
    ...base,
    choices: [{ index: 0, delta, logprobs: null, finish_reason: reason }],
  })
  yield chunk({ role: "assistant", content: reply.text === "" ? null : "", refusal: null })
  for (const content of wordsOf(reply.text)) yield chunk({ content })
  for (const delta of callDeltas(reply)) yield chunk({ tool_calls: [delta] })
  yield chunk({}, finishReason(reply))
  if (usage) yield { ...base, choices: [], usage: chatUsage(usage) }
}

function* callDeltas({ calls }: Reply): Generator<object> {
  for (const [index, { id, name, arguments: text }] of calls.entries()) {
    yield { index, id, type: "function", function: { name, arguments: "" } }
    for (const piece of slicesOf(text)) yield { index, function: { arguments: piece } }
  }
}

function headOf({ id, createdSeconds, model }: AnswerHead, object: string): object {
  return { id: `chatcmpl-${id}`, object, created: createdSeconds, model, system_fingerprint: null }
}

function chatUsage({ input, output }: Usage): object {
  return { prompt_tokens: input, completion_tokens: output, total_tokens: input + output }
}
