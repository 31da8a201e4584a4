import { AnswerDocument } from "./answer-document.ts"
import { type Format, onPath } from "./format.ts"
import type { JsonPath, JsonScalar } from "./json-scan.ts"

/** One answer of Ollama, or one line of a stream, whose last line alone has the counts. */
class OllamaDocument extends AnswerDocument {
  readonly depth = 5

  enters([first]: JsonPath): boolean {
    return first === undefined || first === "message"
  }

  value(path: JsonPath, value: JsonScalar | undefined): void {
    const [first] = path
    if (first === "message") return this.#message(path, value)
    if (path.length !== 1) return
    if (first === "model") this.tellText("model", value)
    if (first === "done_reason") this.tellText("finish", value)
    if (first === "prompt_eval_count") this.tellCount("input", value)
    if (first === "eval_count") this.tellCount("output", value)
  }

  #message([, list, call, member, inner]: JsonPath, value: JsonScalar | undefined): void {
    const isName = list === "tool_calls" && member === "function" && inner === "name"
    if (isName && typeof value === "string") this.item(`${call}`).name = value
  }
}

const openAnswer: Format["openAnswer"] = (values) => new OllamaDocument(values)

/** Ollama's chats, which stream unless they are told not to. */
export const ollamaChat: Format = {
  name: "ollama.chat",
  ofPath: onPath(/\/api\/chat$/),
  streamsUnasked: true,
  openAnswer,
}

/** Ollama's completions of a prompt, which stream unless they are told not to. */
export const ollamaGenerate: Format = {
  name: "ollama.generate",
  ofPath: onPath(/\/api\/generate$/),
  streamsUnasked: true,
  openAnswer,
}

/** Ollama's embeddings. */
export const ollamaEmbed: Format = {
  name: "ollama.embed",
  ofPath: onPath(/\/api\/embed$/),
  openAnswer,
}
