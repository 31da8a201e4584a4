import { AnswerDocument, type AnswerItem } from "./answer-document.ts"
import { type Format, pathModel } from "./format.ts"
import type { JsonPath, JsonScalar } from "./json-scan.ts"

const choicesMax = 1024

/** `chat.completion`, the `chat.completion.chunk` events of a stream, and their older and smaller kin. */
class ChatDocument extends AnswerDocument {
  readonly depth = 7
  /** What each choice of the document calls itself. */
  readonly #choices: number[] = []

  enters([first]: JsonPath): boolean {
    return first === undefined || first === "choices" || first === "usage"
  }

  value(path: JsonPath, value: JsonScalar | undefined): void {
    const [first, second] = path
    if (first === "choices" && typeof second === "number") this.#choice(path, value)
    if (path.length === 1 && first === "model") this.tellText("model", value)
    if (first === "usage") this.#usage(path, value)
  }

  #usage([, member, detail]: JsonPath, value: JsonScalar | undefined): void {
    if (member === "prompt_tokens_details") {
      if (detail === "cached_tokens") this.tellCount("cacheRead", value)
      if (detail === "cache_write_tokens") this.tellCount("cacheWrite", value)
    }
    if (detail !== undefined) return
    if (member === "prompt_tokens") this.tellCount("input", value)
    if (member === "completion_tokens") this.tellCount("output", value)
    // What servers in front of other models and DeepSeek's say instead.
    if (member === "cache_read_input_tokens" || member === "prompt_cache_hit_tokens")
      this.tellCount("cacheRead", value)
    if (member === "cache_creation_input_tokens") this.tellCount("cacheWrite", value)
  }

  #choice(path: JsonPath, value: JsonScalar | undefined): void {
    const [, choice, member, list, call] = path
    if (path.length === 3 && member === "finish_reason") this.tellText("finish", value)
    if (path.length === 3 && member === "index" && typeof value === "number")
      if ((choice as number) < choicesMax) this.#choices[choice as number] = value
    if ((member !== "message" && member !== "delta") || list !== "tool_calls") return
    if (typeof call !== "number" || (path.length > 5 && !isOfCall(path))) return
    this.#call(this.item(`${choice}/${call}`, call), path, value)
  }

  #call(item: AnswerItem, path: JsonPath, value: JsonScalar | undefined): void {
    const [, , , , , member, inner] = path
    if (member === "id" && typeof value === "string") item.id = value
    if (member === "index" && typeof value === "number") item.index = value
    if (member !== "function" && member !== "custom") return
    if (inner === "name" && typeof value === "string") item.name = value
  }

  protected override foldTools(isFrame: boolean): void {
    for (const [place, call] of this.items) {
      const [choice = ""] = place.split("/", 1)
      const key = `${this.#choices[Number(choice)] ?? choice}/${call.id || call.index}`
      // A stream names a call in its first piece; the pieces that follow carry only an index.
      if (!isFrame) this.tools.add(place, call.name)
      else if (call.name !== "") this.tools.add(key, call.name)
    }
  }

  override drop(): void {
    super.drop()
    this.#choices.length = 0
  }
}

/** Whether a member of a tool call names it. */
function isOfCall([, , , , , member, inner]: JsonPath): boolean {
  return member === "id" || member === "index" || inner === "name"
}

/** A path that ends so; on Azure the deployment in it is the model. */
function endingIn(end: string): Format["ofPath"] {
  const pattern = new RegExp(`(?:/deployments/([^/]+))?/${end}$`)
  return (path) => {
    const found = pattern.exec(path)
    if (found === null) return null
    const [, deployment] = found
    return deployment === undefined ? {} : { model: pathModel(deployment) }
  }
}

/** OpenAI's chat completions, also as Azure and many other servers offer them. */
export const openAiChat: Format = {
  name: "openai.chat",
  ofPath: endingIn("chat/completions"),
  openAnswer: (values) => new ChatDocument(values),
}

/** The completions that came before chats. */
export const openAiCompletions: Format = {
  name: "openai.completions",
  ofPath: endingIn("completions"),
  openAnswer: (values) => new ChatDocument(values),
}

/** OpenAI's embeddings, also as others offer them. */
export const openAiEmbeddings: Format = {
  name: "openai.embeddings",
  ofPath: endingIn("embeddings"),
  openAnswer: (values) => new ChatDocument(values),
}
