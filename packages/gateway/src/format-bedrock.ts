import { Base64Text } from "./base64-text.ts"
import { AnswerDocument } from "./answer-document.ts"
import { type Format, pathModel } from "./format.ts"
import { MessageDocument } from "./format-anthropic.ts"
import { type JsonPath, type JsonScalar, JsonScan } from "./json-scan.ts"

const converseCounts = {
  inputTokens: "input",
  outputTokens: "output",
  cacheReadInputTokens: "cacheRead",
  cacheReadInputTokenCount: "cacheRead",
  cacheWriteInputTokens: "cacheWrite",
  cacheWriteInputTokenCount: "cacheWrite",
} as const

const metricCounts = {
  inputTokenCount: "input",
  outputTokenCount: "output",
  cacheReadInputTokenCount: "cacheRead",
  cacheWriteInputTokenCount: "cacheWrite",
} as const

/** A converse answer, or one event of its stream: `contentBlockStart`, `messageStop`, `metadata`. */
class ConverseDocument extends AnswerDocument {
  readonly depth = 6

  value(path: JsonPath, value: JsonScalar | undefined): void {
    const [first, second] = path
    if (path.length === 1 && first === "stopReason") this.tellText("finish", value)
    if (path.length === 2 && first === "usage" && isOf(converseCounts, second))
      this.tellCount(converseCounts[second], value)
    const name = toolName(path)
    if (name !== null && typeof value === "string") this.item(name).name = value
  }
}

/** Where in a document a tool's name stands; null elsewhere. */
function toolName(path: JsonPath): string | null {
  if (path.at(-1) !== "name") return null
  const text = path.join("/")
  if (text === "start/toolUse/name") return text
  return /^output\/message\/content\/\d+\/toolUse\/name$/.test(text) ? text : null
}

/**
 * What a model answers in a format of its own: Anthropic's, the converse shape, or any other with the
 * counts that Bedrock adds in headers or at the end of a stream. A frame of the stream has it in base64.
 */
class InvokeDocument extends MessageDocument {
  override readonly depth = 6
  readonly #inner: JsonScan
  readonly #base64: Base64Text
  #isWrapped = false

  constructor(...terms: ConstructorParameters<typeof MessageDocument>) {
    super(...terms)
    this.#inner = new JsonScan({
      depth: this.depth,
      enters: (path) => this.enters(path),
      value: (path, value) => this.#model(path, value),
    })
    this.#base64 = new Base64Text((bytes) => this.#inner.push(bytes))
  }

  override header(fieldOf: (name: string) => string | null): void {
    const count = (name: string): number | null => {
      const text = fieldOf(`x-amzn-bedrock-${name}-token-count`)
      return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null
    }
    this.tellCount("input", count("input"))
    this.tellCount("output", count("output"))
    this.tellCount("cacheRead", count("cache-read-input"))
    this.tellCount("cacheWrite", count("cache-write-input"))
    super.fold(false)
  }

  textSink(path: JsonPath): ((bytes: Uint8Array) => void) | null {
    if (path.length !== 1 || path[0] !== "bytes") return null
    this.#isWrapped = true
    return (bytes) => this.#base64.push(bytes)
  }

  override value(path: JsonPath, value: JsonScalar | undefined): void {
    if (path[0] !== "bytes") this.#model(path, value)
  }

  #model(path: JsonPath, value: JsonScalar | undefined): void {
    const [first, second] = path
    super.value(path, value)
    if (path.length === 1 && first === "stopReason") this.tellText("finish", value)
    if (path.length === 2 && first === "usage" && isOf(converseCounts, second))
      this.tellCount(converseCounts[second], value)
    const isMetric = path.length === 2 && first === "amazon-bedrock-invocationMetrics"
    if (isMetric && isOf(metricCounts, second)) this.tellCount(metricCounts[second], value)
    const place = toolName(path)
    if (place !== null && typeof value === "string")
      Object.assign(this.item(place), { type: "tool_use", name: value })
  }

  override fold(isFrame: boolean): void {
    if (this.#isWrapped && !this.#endInner()) {
      this.values.truncated = true
      this.drop()
    }
    super.fold(isFrame)
  }

  override drop(): void {
    super.drop()
    if (this.#isWrapped) this.#endInner()
  }

  #endInner(): boolean {
    this.#isWrapped = false
    this.#base64.end()
    return this.#inner.end()
  }
}

function isOf<T extends object>(
  counts: T,
  member: string | number | undefined,
): member is keyof T & string {
  return typeof member === "string" && Object.hasOwn(counts, member)
}

function withEnd(plain: string, streamed: string): Format["ofPath"] {
  const pattern = new RegExp(`/model/([^/]+)/(${plain}|${streamed})$`)
  return (path) => {
    const [, model, end] = pattern.exec(path) ?? []
    if (model === undefined) return null
    return { model: pathModel(model), stream: end === streamed }
  }
}

/** Bedrock's converse and converse-stream. */
export const bedrockConverse: Format = {
  name: "bedrock.converse",
  ofPath: withEnd("converse", "converse-stream"),
  openAnswer: (values) => new ConverseDocument(values),
}

/** Bedrock's invoke and invoke-with-response-stream. */
export const bedrockInvoke: Format = {
  name: "bedrock.invoke",
  ofPath: withEnd("invoke", "invoke-with-response-stream"),
  openAnswer: (values) => new InvokeDocument(values),
}
