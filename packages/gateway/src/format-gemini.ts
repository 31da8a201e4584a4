import { AnswerDocument } from "./answer-document.ts"
import { type Format, pathModel } from "./format.ts"
import type { JsonPath, JsonScalar } from "./json-scan.ts"

const counts = {
  promptTokenCount: "input",
  candidatesTokenCount: "output",
  thoughtsTokenCount: "thinking",
  cachedContentTokenCount: "cacheRead",
} as const

/**
 * A `GenerateContentResponse`, alone, in the events of a stream, or as one of the elements of an array
 * that streams: each element counts as soon as the next one starts. The last usage counts.
 */
class GeminiDocument extends AnswerDocument {
  readonly depth = 8

  value(path: JsonPath, value: JsonScalar | undefined): void {
    if (typeof path[0] !== "number") return this.#member(path, value)
    // All that came before this element is whole.
    if (path.length === 1) this.fold(true)
    else this.#member(path.slice(1), value)
  }

  #member(path: JsonPath, value: JsonScalar | undefined): void {
    const [first, second, third] = path
    if (path.length === 1 && first === "modelVersion") this.tellText("model", value)
    if (path.length === 1 && first === "totalTokens") this.tellCount("input", value)
    if (path.length === 1 && first === "cachedContentTokenCount") this.tellCount("cacheRead", value)
    if (path.length === 2 && first === "usageMetadata" && isCount(second))
      this.tellCount(counts[second], value)
    if (path.length === 3 && first === "candidates" && third === "finishReason")
      this.tellText("finish", value)
    if (path.length === 7 && first === "candidates") this.#part(path, value)
  }

  /** A call whose arguments are streamed is named in its first piece alone. */
  #part(
    [, candidate, content, parts, part, call, member]: JsonPath,
    value: JsonScalar | undefined,
  ): void {
    const isName = content === "content" && parts === "parts" && member === "name"
    if (isName && call === "functionCall" && typeof value === "string")
      this.item(`${candidate}/${part}`).name = value
  }
}

function isCount(member: string | number | undefined): member is keyof typeof counts {
  return typeof member === "string" && Object.hasOwn(counts, member)
}

/** `…/models/gemini-x:verb`; Vertex AI has the same with more before it. */
function withVerb(...verbs: readonly string[]): Format["ofPath"] {
  const pattern = new RegExp(`/([^/:]+):(${verbs.join("|")})$`)
  return (path) => {
    const [, model, verb] = pattern.exec(path) ?? []
    if (model === undefined || verb === undefined) return null
    return { model: pathModel(model), stream: verb.startsWith("stream") }
  }
}

/** Gemini's generateContent and streamGenerateContent. */
export const geminiGenerate: Format = {
  name: "gemini.generate",
  ofPath: withVerb("generateContent", "streamGenerateContent"),
  openAnswer: (values) => new GeminiDocument(values),
}

/** Gemini's embeddings, which report no usage. */
export const geminiEmbed: Format = {
  name: "gemini.embed",
  ofPath: withVerb("embedContent", "batchEmbedContents"),
  openAnswer: (values) => new GeminiDocument(values),
}

/** How many tokens a request to Gemini would have. */
export const geminiCount: Format = {
  name: "gemini.count_tokens",
  ofPath: withVerb("countTokens"),
  openAnswer: (values) => new GeminiDocument(values),
}
