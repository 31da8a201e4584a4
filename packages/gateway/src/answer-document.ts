import type { ReportedFacts } from "@amc/core"
import type { ForeignValues } from "./foreign-values.ts"
import type { JsonPath, JsonScalar, JsonVisitor } from "./json-scan.ts"
import { ToolTally } from "./tool-tally.ts"

/** What an answer reports of itself. -1 stands for a count that it does not give. */
export interface ResponseFacts {
  readonly reported: ReportedFacts<"llm_response">
  readonly truncated: boolean
}

/** The facts of an answer of which nothing was read. */
export const noResponseFacts: ResponseFacts = {
  reported: {
    cache_read_tokens: -1,
    cache_write_tokens: -1,
    finish_reason: "",
    input_tokens: -1,
    model: "",
    output_tokens: -1,
    tool_calls: 0,
    tool_names: [],
  },
  truncated: false,
}

/** The counts of an answer, each under the name that its fact has. `thinking` is added to the output. */
type Count = "input" | "output" | "thinking" | "cacheRead" | "cacheWrite"
type Text = "model" | "finish"
type Told = Partial<Record<Count, JsonScalar>> & Partial<Record<Text, string>>

/** A tool call or output item of the document that is being read. */
export interface AnswerItem {
  type: string
  name: string
  id: string
  index: number
}

const itemsMax = 1024

/**
 * Takes in the JSON documents of one answer, the body or one frame's data each, and adds up what they
 * say: the last word on a member counts, and one that is null says nothing.
 */
export abstract class AnswerDocument implements JsonVisitor {
  abstract readonly depth: number
  protected readonly tools: ToolTally
  /** The tool calls and output items of the document that is being read, by their place in it. */
  protected readonly items = new Map<string, AnswerItem>()
  protected readonly values: ForeignValues
  #told: Told = {}
  #sum: Told = {}

  constructor(values: ForeignValues) {
    this.values = values
    this.tools = new ToolTally(values)
  }

  abstract value(path: JsonPath, value: JsonScalar | undefined): void

  /** What the answer's headers say, for formats that say it there. */
  header(_fieldOf: (name: string) => string | null): void {}

  /** The document has ended and was JSON: what it said counts. `isFrame` tells one of many from a body. */
  fold(isFrame: boolean): void {
    Object.assign(this.#sum, this.#told)
    this.foldTools(isFrame)
    this.drop()
  }

  /** Forgets the document that is being read. */
  drop(): void {
    this.#told = {}
    // To clear a map makes a new table of it.
    if (this.items.size > 0) this.items.clear()
  }

  facts(): ResponseFacts {
    const { values } = this
    const { model = "", finish = "" } = this.#sum
    const count = (name: Count): number => values.count(this.#sum[name] ?? null)
    const [output, thinking] = [count("output"), count("thinking")]
    // Members in canonical order are encoded twice as fast.
    const reported = {
      cache_read_tokens: count("cacheRead"),
      cache_write_tokens: count("cacheWrite"),
      finish_reason: values.text(finish),
      input_tokens: count("input"),
      model: values.text(model),
      output_tokens: thinking < 0 ? output : values.count(Math.max(0, output) + thinking),
      tool_calls: this.tools.count,
      tool_names: this.tools.names,
    }
    return { reported, truncated: values.truncated }
  }

  /** Adds the tool calls of a document. Those of a format that names each call once need no more. */
  protected foldTools(_isFrame: boolean): void {
    for (const { name } of this.items.values())
      if (name !== "") this.tools.add(`#${this.tools.count}`, name)
  }

  protected tellText(member: Text, value: JsonScalar | undefined): void {
    if (typeof value === "string") this.#told[member] = value
  }

  protected tellCount(member: Count | undefined, value: JsonScalar | undefined): void {
    if (member !== undefined && value !== null && value !== undefined) this.#told[member] = value
  }

  protected item(place: string, index = 0): AnswerItem {
    const known = this.items.get(place)
    if (known !== undefined) return known
    const made = { type: "", name: "", id: "", index }
    if (this.items.size < itemsMax) this.items.set(place, made)
    else this.values.truncated = true
    return made
  }
}
