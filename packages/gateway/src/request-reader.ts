import type { ReportedFacts } from "@amc/core"
import { ForeignValues } from "./foreign-values.ts"
import type { Format, PathFacts } from "./format.ts"
import { formatOf } from "./formats.ts"
import { type JsonPath, type JsonScalar, JsonScan, type JsonVisitor } from "./json-scan.ts"
import type { SecretScanner } from "./secret-scanner.ts"
import { isList, ToolOffer } from "./tool-offer.ts"

const watched = new Set(["model", "stream", "tools"])

/** What a request says about itself, read while its body comes in. */
export class RequestReader implements JsonVisitor {
  readonly depth = 4
  readonly #values: ForeignValues
  readonly #path: string
  readonly #format: Format | null
  readonly #said: PathFacts
  readonly #scan: JsonScan | null
  readonly #tools = new ToolOffer()
  readonly #seen = new Set<string>()
  #model = ""
  #stream: boolean | null = null

  /** `path` is the one that is forwarded, without the query. */
  constructor(method: string, path: string, secrets: SecretScanner) {
    const found = formatOf(method, path)
    this.#values = new ForeignValues(secrets)
    this.#path = this.#values.text(path)
    this.#format = found?.format ?? null
    this.#said = found?.said ?? {}
    this.#scan = found === null ? null : new JsonScan(this)
  }

  push(piece: Uint8Array): void {
    this.#scan?.push(piece)
  }

  /** The facts. A body that is not JSON is none of a known format, and its facts are incomplete. */
  end(): { reported: ReportedFacts<"llm_request">; truncated: boolean } {
    const isBroken = this.#scan?.end() === false
    const path = this.#path
    const stream = this.#said.stream ?? false
    if (isBroken || this.#format === null)
      return {
        reported: { path, format: "other", model: "", stream, tools: 0 },
        truncated: isBroken || this.#values.truncated,
      }
    const reported = {
      format: this.#format.name,
      model: this.#values.text(this.#said.model ?? this.#model),
      path,
      stream: stream || (this.#stream ?? this.#format.streamsUnasked ?? false),
      tools: this.#tools.count,
    }
    return { reported, truncated: this.#values.truncated }
  }

  enters(path: JsonPath): boolean {
    const [first] = path
    if (first === "tools") return path.length !== 3 || isList(path[2])
    return first === undefined || first === "toolConfig"
  }

  value(path: JsonPath, value: JsonScalar | undefined): void {
    const [first] = path
    if (path.length === 1 && typeof first === "string") this.#member(first, value)
    if (first === "tools") this.#tools.value(path, 1)
    if (first === "toolConfig" && path[1] === "tools") this.#tools.value(path, 2)
  }

  #member(name: string, value: JsonScalar | undefined): void {
    this.#watchDoubt(name)
    if (name === "model" && typeof value === "string") this.#model = value
    if (name === "stream" && value !== null) this.#stream = value === true
  }

  /** Parsers differ on a member that is there twice or in capitals: what counts for the provider is not known. */
  #watchDoubt(name: string): void {
    const plain = name.toLowerCase()
    if (!watched.has(plain)) return
    if (plain !== name || this.#seen.has(plain)) this.#values.truncated = true
    this.#seen.add(plain)
  }
}
