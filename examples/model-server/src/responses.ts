import type { Conversation } from "./conversation.ts"
import { contentOf, type Fields, fieldsOf, listOf, textOf } from "./fields.ts"
import { badRequest } from "./problem.ts"

/**
 * Reads the body of `POST /v1/responses`. The server keeps nothing, so the whole conversation must be
 * in the input.
 *
 * @throws Problem 400
 */
export function parseResponsesRequest(body: Fields): Conversation {
  textOf(body["model"], "model")
  for (const name of ["previous_response_id", "conversation", "background"])
    if (body[name]) throw badRequest(`${name} is not supported: this server keeps nothing`)
  const items = inputItems(body["input"])
  return {
    request: items
      .filter((item) => item["role"] === "user")
      .map(itemText)
      .join("\n"),
    tools: new Set(listOf(body["tools"] ?? [], "tools").map(toolName)),
    turns: turnsOf(items),
    results: items.filter((item) => item["type"] === "function_call_output").map(itemText),
    texts: [contentOf(body["instructions"], "instructions"), ...items.map(itemText)],
    stream: body["stream"] === true,
  }
}

function inputItems(input: unknown): readonly Fields[] {
  if (typeof input === "string") return [{ role: "user", content: input }]
  return listOf(input, "input").map((item) => fieldsOf(item, "an input item"))
}

/** One turn of the model may be several items in a row. */
function turnsOf(items: readonly Fields[]): number {
  return items.filter((item, at) => isModels(item) && !isModels(items[at - 1] ?? {})).length
}

function isModels(item: Fields): boolean {
  return item["role"] === "assistant" || ["function_call", "reasoning"].includes(`${item["type"]}`)
}

function itemText(item: Fields): string {
  if (item["type"] === "function_call") return textOf(item["arguments"], "a call's arguments")
  if (item["type"] === "function_call_output") return contentOf(item["output"], "a call's output")
  return contentOf(item["content"], "an item's content")
}

/** Tools that are not functions have no name of their own; the script calls none of them. */
function toolName(tool: unknown): string {
  const { type, name } = fieldsOf(tool, "a tool") as { type?: unknown; name?: unknown }
  return type === "function" ? textOf(name, "a tool's name") : ""
}
