import type { ReportedFacts } from "@amc/core"
import { type JsonPath, type JsonScalar, JsonScan } from "./json-scan.ts"
import { ChatDocument, type ResponseFacts, ResponsesDocument } from "./openai-document.ts"
import type { SecretScanner } from "./secret-scanner.ts"
import { type SseSink, SseScan } from "./sse-scan.ts"
import { ForeignValues } from "./foreign-values.ts"

export type Format = ReportedFacts<"llm_request">["format"]

/** What a request says about itself, read while its body comes in. */
export class RequestReader {
  readonly #values: ForeignValues
  readonly #path: string
  readonly #format: Format
  readonly #scan: JsonScan | null
  #model = ""
  #stream = false
  #tools = 0

  /** `path` is the one that is forwarded, without the query. */
  constructor(method: string, path: string, secrets: SecretScanner) {
    this.#values = new ForeignValues(secrets)
    this.#path = this.#values.text(path)
    this.#format = method === "POST" ? formatOf(path) : "other"
    const value = this.#value.bind(this)
    this.#scan = this.#format === "other" ? null : new JsonScan({ depth: 2, value })
  }

  push(piece: Uint8Array): void {
    this.#scan?.push(piece)
  }

  /** The facts. A body that is not JSON is none of a known format, and its facts are incomplete. */
  end(): { reported: ReportedFacts<"llm_request">; truncated: boolean } {
    const isBroken = this.#scan?.end() === false
    const path = this.#path
    if (isBroken)
      return {
        reported: { path, format: "other", model: "", stream: false, tools: 0 },
        truncated: true,
      }
    return {
      reported: {
        format: this.#format,
        model: this.#model,
        path,
        stream: this.#stream,
        tools: this.#tools,
      },
      truncated: this.#values.truncated,
    }
  }

  #value([first, second]: JsonPath, value: JsonScalar | undefined): void {
    if (first === "tools") this.#tools = typeof second === "number" ? second + 1 : 0
    if (second !== undefined) return
    if (first === "model" && typeof value === "string") this.#model = this.#values.text(value)
    if (first === "stream") this.#stream = value === true
  }
}

function formatOf(path: string): Format {
  if (path.endsWith("/chat/completions")) return "openai.chat"
  return path.endsWith("/responses") ? "openai.responses" : "other"
}

/** Reads an answer while it streams by, in bounded memory and without keeping any of it. */
export class ResponseReader implements SseSink {
  readonly #document: ChatDocument | ResponsesDocument
  readonly #sse: SseScan | null
  readonly #scan: JsonScan
  #head = Buffer.alloc(0)
  #isBroken = false

  constructor(format: Exclude<Format, "other">, isStream: boolean, secrets: SecretScanner) {
    const values = new ForeignValues(secrets)
    this.#document =
      format === "openai.chat" ? new ChatDocument(values) : new ResponsesDocument(values)
    this.#sse = isStream ? new SseScan(this) : null
    this.#scan = new JsonScan(this.#document)
  }

  push(piece: Uint8Array): void {
    if (this.#sse === null) this.#scan.push(piece)
    else this.#sse.push(piece)
  }

  data(bytes: Uint8Array): void {
    if (this.#head.length < 8) this.#head = Buffer.concat([this.#head, bytes.subarray(0, 8)])
    this.#scan.push(bytes)
  }

  eventEnd(): void {
    const isDone = this.#head.toString("latin1").startsWith("[DONE]")
    this.#head = Buffer.alloc(0)
    const isJson = this.#scan.end()
    if (isJson) this.#document.fold(true)
    else this.#document.drop()
    if (!isJson && !isDone) this.#isBroken = true
  }

  /** The facts so far. `isWhole` says whether the answer came to its end. */
  end(isWhole: boolean): ResponseFacts {
    if (this.#sse !== null && isWhole) this.#sse.end()
    if (this.#sse === null) {
      if (this.#scan.end()) this.#document.fold(false)
      else {
        this.#isBroken = true
        this.#document.drop()
      }
    }
    const { reported, truncated } = this.#document.facts()
    return { reported, truncated: truncated || this.#isBroken }
  }
}
