import type { AnswerHead } from "./chat-answer.ts"
import type { Reply } from "./conversation.ts"
import { slicesOf, wordsOf } from "./pieces.ts"
import type { Usage } from "./usage.ts"

interface Item {
  readonly id: string
  readonly type: "message" | "function_call"
  /** The item as it is when it is complete. */
  readonly complete: object
  /** The item as it is announced, before its text. */
  readonly begun: object
  readonly text: string
}

/** The whole answer of `POST /v1/responses`. */
export function response(head: AnswerHead, reply: Reply, usage: Usage): object {
  const output = itemsOf(head, reply).map(({ complete }) => complete)
  return { ...responseHead(head), status: "completed", output, usage: responseUsage(usage) }
}

/** The same answer as the data of server-sent events. */
export function* responseEvents(head: AnswerHead, reply: Reply, usage: Usage): Generator<object> {
  let count = 0
  const begun = { ...responseHead(head), status: "in_progress", output: [], usage: null }
  for (const event of [
    { type: "response.created", response: begun },
    { type: "response.in_progress", response: begun },
    ...itemsOf(head, reply).flatMap((item, at) => itemEvents(item, at)),
    { type: "response.completed", response: response(head, reply, usage) },
  ])
    yield { ...event, sequence_number: count++ }
}

function itemsOf(head: AnswerHead, reply: Reply): Item[] {
  const message = reply.text === "" ? [] : [messageItem(`msg_${head.id}`, reply.text)]
  return [...message, ...reply.calls.map((call, at) => callItem(`fc_${head.id}${at}`, call))]
}

function messageItem(id: string, text: string): Item {
  const item = (status: string, content: object[]): object => {
    return { id, type: "message", role: "assistant", status, content }
  }
  return {
    id,
    type: "message",
    complete: item("completed", [textPart(text)]),
    begun: item("in_progress", []),
    text,
  }
}

function callItem(id: string, call: Reply["calls"][number]): Item {
  const item = (status: string, text: string): object => {
    return { id, type: "function_call", call_id: call.id, name: call.name, arguments: text, status }
  }
  return {
    id,
    type: "function_call",
    complete: item("completed", call.arguments),
    begun: item("in_progress", ""),
    text: call.arguments,
  }
}

function itemEvents(item: Item, at: number): object[] {
  const place = { item_id: item.id, output_index: at }
  const inner = item.type === "message" ? messageEvents(item, place) : callEvents(item, place)
  return [
    { type: "response.output_item.added", output_index: at, item: item.begun },
    ...inner,
    { type: "response.output_item.done", output_index: at, item: item.complete },
  ]
}

function messageEvents({ text }: Item, place: object): object[] {
  const where = { ...place, content_index: 0 }
  return [
    { type: "response.content_part.added", ...where, part: textPart("") },
    ...wordsOf(text).map((delta) => {
      return { type: "response.output_text.delta", ...where, delta, logprobs: [] }
    }),
    { type: "response.output_text.done", ...where, text, logprobs: [] },
    { type: "response.content_part.done", ...where, part: textPart(text) },
  ]
}

function callEvents({ text }: Item, place: object): object[] {
  const type = "response.function_call_arguments"
  return [
    ...slicesOf(text).map((delta) => ({ type: `${type}.delta`, ...place, delta })),
    { type: `${type}.done`, ...place, arguments: text },
  ]
}

function textPart(text: string): object {
  return { type: "output_text", text, annotations: [], logprobs: [] }
}

function responseHead({ id, createdSeconds, model }: AnswerHead): object {
  return {
    id: `resp_${id}`,
    object: "response",
    created_at: createdSeconds,
    model,
    error: null,
    incomplete_details: null,
    parallel_tool_calls: true,
    store: false,
  }
}

function responseUsage({ input, output }: Usage): object {
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: input + output,
  }
}
