import { AnswerDocument } from "./answer-document.ts"
import { type Format, onPath, pathModel } from "./format.ts"
import type { JsonPath, JsonScalar } from "./json-scan.ts"

const counts = {
  input_tokens: "input",
  output_tokens: "output",
  cache_read_input_tokens: "cacheRead",
  cache_creation_input_tokens: "cacheWrite",
} as const

/**
 * A `message`, as the body or inside the events of a stream: `message_start` tells the input and
 * `message_delta` the output so far.
 */
export class MessageDocument extends AnswerDocument {
  readonly depth: number = 4

  enters([first]: JsonPath): boolean {
    return first !== "error"
  }

  value(path: JsonPath, value: JsonScalar | undefined): void {
    const [first, second, third] = path
    if (first === "message") return this.#message(path.slice(1), value)
    if (first === "delta" && path.length === 2 && second === "stop_reason")
      return this.tellText("finish", value)
    if (first === "content_block" && path.length === 2) return this.#block("block", second, value)
    if (path.length === 1 && first === "input_tokens") return this.tellCount("input", value)
    if (first === "content" && path.length === 3) return this.#block(`${second}`, third, value)
    return this.#message(path, value)
  }

  #message(path: JsonPath, value: JsonScalar | undefined): void {
    const [first, second] = path
    if (path.length === 1 && first === "model") this.tellText("model", value)
    if (path.length === 1 && first === "stop_reason") this.tellText("finish", value)
    if (path.length !== 2 || first !== "usage" || !isCount(second)) return
    this.tellCount(counts[second], value)
  }

  #block(place: string, member: string | number | undefined, value: JsonScalar | undefined): void {
    if (typeof value !== "string") return
    if (member === "type" || member === "name") this.item(place)[member] = value
  }

  protected override foldTools(): void {
    for (const { type, name } of this.items.values())
      if (type.endsWith("tool_use")) this.tools.add(`#${this.tools.count}`, name || type)
  }
}

function isCount(member: string | number | undefined): member is keyof typeof counts {
  return typeof member === "string" && Object.hasOwn(counts, member)
}

const vertex = /\/publishers\/anthropic\/models\/([^/:]+):(rawPredict|streamRawPredict)$/

/** Anthropic's messages, of its own API and as Vertex AI offers them. */
export const anthropicMessages: Format = {
  name: "anthropic.messages",
  ofPath: (path) => {
    if (/(?:^|\/v1|\/anthropic)\/messages$/.test(path)) return {}
    const [, model, verb] = vertex.exec(path) ?? []
    if (model === undefined || model === "count-tokens") return null
    return { model: pathModel(model), stream: verb === "streamRawPredict" }
  },
  openAnswer: (values) => new MessageDocument(values),
}

/** How many tokens a request to Anthropic would have. */
export const anthropicCount: Format = {
  name: "anthropic.count_tokens",
  ofPath: onPath(
    /(?:^|\/v1|\/anthropic)\/messages\/count_tokens$|\/publishers\/anthropic\/models\/count-tokens:rawPredict$/,
  ),
  openAnswer: (values) => new MessageDocument(values),
}
