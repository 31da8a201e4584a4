import type { Conversation, Reply } from "./conversation.ts"
import { contentOf, type Fields, fieldsOf, listOf, textOf } from "./fields.ts"
import { badRequest } from "./problem.ts"

/**
 * Reads the body of `POST /v1/chat/completions`.
 *
 * @throws Problem 400
 */
export function parseChatRequest(body: Fields): Conversation {
  textOf(body["model"], "model")
  if ((body["n"] ?? 1) !== 1) throw badRequest("only one choice per request is supported")
  const messages = listOf(body["messages"], "messages").map((one) => fieldsOf(one, "a message"))
  if (messages.length === 0) throw badRequest("messages must not be empty")
  const contentsOf = (role: string): string[] =>
    messages.filter((message) => message["role"] === role).map(messageContent)
  return {
    request: contentsOf("user").join("\n"),
    tools: new Set(listOf(body["tools"] ?? [], "tools").map(toolName)),
    turns: contentsOf("assistant").length,
    results: contentsOf("tool"),
    texts: messages.flatMap((message) => [messageContent(message), ...callArguments(message)]),
    stream: body["stream"] === true,
  }
}

/** The assistant message that a reply is in this API. */
export function chatMessage(reply: Reply): object {
  const toolCalls = reply.calls.map(({ id, name, arguments: text }) => ({
    id,
    type: "function",
    function: { name, arguments: text },
  }))
  return {
    role: "assistant",
    content: reply.text === "" ? null : reply.text,
    refusal: null,
    ...(toolCalls.length > 0 ? { tool_calls: toolCalls } : {}),
  }
}

/** Why the model stopped, in this API's words. */
export function finishReason(reply: Reply): "tool_calls" | "stop" {
  return reply.calls.length > 0 ? "tool_calls" : "stop"
}

function messageContent(message: Fields): string {
  return contentOf(message["content"], "a message's content")
}

function callArguments(message: Fields): string[] {
  return listOf(message["tool_calls"] ?? [], "tool_calls").map((call) => {
    const called = fieldsOf(fieldsOf(call, "a tool call")["function"], "a tool call's function")
    return textOf(called["arguments"], "a tool call's arguments")
  })
}

function toolName(tool: unknown): string {
  return textOf(
    fieldsOf(fieldsOf(tool, "a tool")["function"], "a tool's function")["name"],
    "a name",
  )
}
