import { malformed, sha256Hex } from "@amc/core"
import { factText, isObject, listOf, memberOf, timeOf } from "./foreign-json.ts"
import type { ResultCount } from "./result-count.ts"

/** What a span says of a call of a model. It is the agent's word, until receipts bear it out. */
export interface TracedCall {
  /** Of the span as it stands in the trace. */
  readonly spanSha256: string
  readonly receipt: string | null
  readonly requestReceipt: string | null
  readonly bodySha256: string | null
  readonly requestBodySha256: string | null
}

const spansMax = 1_000_000
/** GenAI operations that are calls of a model; others (`execute_tool`, `invoke_agent`) are not. */
const modelOperations: ReadonlySet<unknown> = new Set([
  "chat",
  "text_completion",
  "generate_content",
  "embeddings",
])

/** Reads OTLP/JSON: one `TracesData` a line or a file, as OpenTelemetry's file exporter and our helpers write it. */
export class TraceReader {
  readonly #count: ResultCount

  constructor(count: ResultCount) {
    this.#count = count
  }

  /** The calls of one document. @throws {@link AmcError} `input/malformed` */
  take(document: unknown): readonly TracedCall[] {
    const resources = memberOf(document, "resourceSpans")
    if (!Array.isArray(resources))
      throw malformed("a document has no resourceSpans: it is not OTLP/JSON of traces")
    return (resources as readonly unknown[]).flatMap((resource) => {
      this.#count.tool(factText(attributesOf(memberOf(resource, "resource")).get("service.name")))
      return listOf(memberOf(resource, "scopeSpans"))
        .flatMap((scope) => listOf(memberOf(scope, "spans")))
        .flatMap((span) => this.#span(span))
    })
  }

  #span(span: unknown): readonly TracedCall[] {
    if (!isObject(span)) throw malformed("a span is not an object")
    this.#count.entry()
    if (this.#count.facts().entries > spansMax)
      throw malformed(`the trace has more than ${spansMax} spans`)
    this.#count.time(nanoTime(span["startTimeUnixNano"]))
    this.#count.time(nanoTime(span["endTimeUnixNano"]))
    const attributes = attributesOf(span)
    return isCall(attributes) ? [callOf(span, attributes)] : []
  }
}

function isCall(attributes: ReadonlyMap<string, unknown>): boolean {
  return (
    modelOperations.has(attributes.get("gen_ai.operation.name")) ||
    attributes.has("amc.receipt") ||
    attributes.has("amc.request_receipt")
  )
}

function callOf(span: object, attributes: ReadonlyMap<string, unknown>): TracedCall {
  const textOf = (name: string): string | null => {
    const value = attributes.get(name)
    return typeof value === "string" ? value : null
  }
  return {
    spanSha256: digestOf(span),
    receipt: textOf("amc.receipt"),
    requestReceipt: textOf("amc.request_receipt"),
    bodySha256: textOf("amc.body_sha256"),
    requestBodySha256: textOf("amc.request_body_sha256"),
  }
}

function digestOf(span: object): string {
  try {
    return sha256Hex(Buffer.from(JSON.stringify(span)))
  } catch (cause) {
    throw malformed("a span is nested too deeply", cause)
  }
}

/** The first value of a name counts. */
function attributesOf(holder: unknown): ReadonlyMap<string, unknown> {
  const found = new Map<string, unknown>()
  for (const attribute of listOf(memberOf(holder, "attributes"))) {
    const key = memberOf(attribute, "key")
    if (typeof key === "string" && !found.has(key))
      found.set(key, memberOf(attribute, "value", "stringValue"))
  }
  return found
}

/** Nanoseconds since 1970, as a text of digits or a number. */
function nanoTime(value: unknown): number | null {
  const text = typeof value === "number" ? String(value) : value
  if (typeof text !== "string" || !/^\d{7,19}$/u.test(text)) return null
  return timeOf(Number(text.slice(0, -6)))
}
