import { randomBytes } from "node:crypto"
import type { IncomingMessage, ServerResponse } from "node:http"
import { type AnswerHead, chatChunks, chatCompletion } from "./chat-answer.ts"
import { parseChatRequest } from "./chat-completions.ts"
import type { Conversation, Reply } from "./conversation.ts"
import { type Fields, fieldsOf } from "./fields.ts"
import { Problem } from "./problem.ts"
import type { RateLimit } from "./rate-limit.ts"
import { jsonBody } from "./request.ts"
import { response, responseEvents } from "./responses-answer.ts"
import { parseResponsesRequest } from "./responses.ts"
import { nextReply } from "./script.ts"
import { usageOf } from "./usage.ts"

/** The name under which the script answers, whatever model was asked for. */
const modelName = "scripted-1"

/** What an answer needs from the server it runs in. */
export interface Api {
  readonly limit: RateLimit
  /** Milliseconds since 1970. */
  readonly clock: () => number
}

/** Answers one request whose key was checked. @throws Problem for everything that is refused. */
export async function answer(
  api: Api,
  request: IncomingMessage,
  result: ServerResponse,
): Promise<void> {
  const path = (request.url ?? "").split("?", 1)[0]
  const route = `${request.method} ${path}`
  if (route === "GET /v1/models") return sendJson(result, models(api))
  if (route === "POST /v1/chat/completions") return answerChat(api, await jsonBody(request), result)
  if (route === "POST /v1/responses") return answerResponse(api, await jsonBody(request), result)
  throw new Problem(404, "unknown_url", "there is nothing at this method and path")
}

/** Sends one JSON answer. */
export function sendJson(
  result: ServerResponse,
  body: object,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): void {
  result.writeHead(status, { "content-type": "application/json", ...headers })
  result.end(JSON.stringify(body))
}

function answerChat(api: Api, body: Fields, result: ServerResponse): void {
  const conversation = parseChatRequest(body)
  const { head, reply } = begin(api, conversation, body["messages"])
  const usage = usageOf(conversation, reply)
  if (!conversation.stream) return sendJson(result, chatCompletion(head, reply, usage))
  const options = fieldsOf(body["stream_options"] ?? {}, "stream_options")
  const chunks = chatChunks(head, reply, options["include_usage"] === true ? usage : undefined)
  sendEvents(result, [...[...chunks].map((chunk) => dataOf(chunk)), "data: [DONE]\n\n"])
}

function answerResponse(api: Api, body: Fields, result: ServerResponse): void {
  const conversation = parseResponsesRequest(body)
  const { head, reply } = begin(api, conversation, body["input"])
  const usage = usageOf(conversation, reply)
  if (!conversation.stream) return sendJson(result, response(head, reply, usage))
  const events = [...responseEvents(head, reply, usage)] as { type?: string }[]
  sendEvents(
    result,
    events.map((event) => `event: ${event.type}\n${dataOf(event)}`),
  )
}

function begin(
  { limit, clock }: Api,
  conversation: Conversation,
  messages: unknown,
): { readonly head: AnswerHead; readonly reply: Reply } {
  limit.admit(conversation.turns, messages)
  const id = randomBytes(12).toString("hex")
  const head = { id, createdSeconds: Math.floor(clock() / 1000), model: modelName }
  return { head, reply: nextReply(conversation) }
}

function models({ clock }: Api): object {
  const created = Math.floor(clock() / 1000)
  return { object: "list", data: [{ id: modelName, object: "model", created, owned_by: "script" }] }
}

function dataOf(value: object): string {
  return `data: ${JSON.stringify(value)}\n\n`
}

function sendEvents(result: ServerResponse, frames: readonly string[]): void {
  result.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" })
  for (const frame of frames) result.write(frame)
  result.end()
}
