import { AnswerDocument, type AnswerItem } from "./answer-document.ts"
import { type Format, onPath } from "./format.ts"
import type { JsonPath, JsonScalar } from "./json-scan.ts"

const streamed = "item"

/** A `response`, as the body or inside the events of a stream. */
class ResponsesDocument extends AnswerDocument {
  readonly depth = 4
  #type = ""

  value(path: JsonPath, value: JsonScalar | undefined): void {
    const [first, second] = path
    if (first === "response") return this.#response(path.slice(1), value)
    if (first === "item" && path.length === 2) return this.#item(streamed, second, value)
    if (path.length === 1 && first === "type" && typeof value === "string") this.#type = value
    return this.#response(path, value)
  }

  #response(path: JsonPath, value: JsonScalar | undefined): void {
    const [first, second, third] = path
    if (path.length === 1 && first === "model") this.tellText("model", value)
    if (path.length === 1 && first === "status") this.tellText("finish", value)
    if (first === "usage") this.#usage(path, value)
    if (path.length === 3 && first === "output") this.#item(`${second}`, third, value)
  }

  #usage([, member, detail]: JsonPath, value: JsonScalar | undefined): void {
    if (member === "input_tokens_details") {
      if (detail === "cached_tokens") this.tellCount("cacheRead", value)
      if (detail === "cache_write_tokens") this.tellCount("cacheWrite", value)
    }
    if (detail !== undefined) return
    if (member === "input_tokens") this.tellCount("input", value)
    if (member === "output_tokens") this.tellCount("output", value)
  }

  #item(place: string, member: string | number | undefined, value: JsonScalar | undefined): void {
    if (typeof value !== "string") return
    if (member === "type" || member === "name" || member === "id") this.item(place)[member] = value
  }

  protected override foldTools(): void {
    const item = this.items.get(streamed)
    if (this.#type === "response.output_item.done" && item !== undefined) this.#add(item)
    const output = [...this.items].filter(([place]) => place !== streamed)
    // The event that ends a stream repeats all that came before it.
    if (output.length > 0) this.tools.clear()
    for (const [place, each] of output) this.#add(each, place)
  }

  #add({ type, name, id }: AnswerItem, place = id || `#${this.tools.count}`): void {
    if (type.endsWith("_call")) this.tools.add(place, name || type)
  }

  override drop(): void {
    super.drop()
    this.#type = ""
  }
}

/** OpenAI's responses, also as Azure and other servers offer them. */
export const openAiResponses: Format = {
  name: "openai.responses",
  ofPath: onPath(/\/responses(?:\/compact)?$/),
  openAnswer: (values) => new ResponsesDocument(values),
}
