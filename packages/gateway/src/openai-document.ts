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
    model: "",
    finish_reason: "",
    input_tokens: -1,
    output_tokens: -1,
    tool_calls: 0,
    tool_names: [],
  },
  truncated: false,
}

interface Told {
  model?: string
  finish?: string
  input?: JsonScalar
  output?: JsonScalar
}

interface Item {
  type: string
  name: string
  id: string
  index: number
}

const itemsMax = 1024

/** Takes in JSON documents, the body or one event's data each, and adds up what they say. */
abstract class OpenAiDocument implements JsonVisitor {
  abstract readonly depth: number
  protected readonly tools: ToolTally
  /** The tool calls and output items of the document that is being read, by their place in it. */
  protected readonly items = new Map<string, Item>()
  protected told: Told = {}
  readonly #values: ForeignValues
  #sum: Told = {}

  constructor(values: ForeignValues) {
    this.#values = values
    this.tools = new ToolTally(values)
  }

  abstract value(path: JsonPath, value: JsonScalar | undefined): void
  protected abstract foldTools(isEvent: boolean): void

  /** The document has ended and was JSON: what it said counts. */
  fold(isEvent: boolean): void {
    Object.assign(this.#sum, this.told)
    this.foldTools(isEvent)
    this.drop()
  }

  /** Forgets the document that is being read. */
  drop(): void {
    this.told = {}
    this.items.clear()
  }

  facts(): ResponseFacts {
    const values = this.#values
    const { model = "", finish = "", input = null, output = null } = this.#sum
    const reported = {
      finish_reason: values.text(finish),
      input_tokens: values.integer(input, -1),
      model: values.text(model),
      output_tokens: values.integer(output, -1),
      tool_calls: this.tools.count,
      tool_names: this.tools.names,
    }
    return { reported, truncated: values.truncated }
  }

  protected usage(value: JsonScalar | undefined, member: "input" | "output"): void {
    if (value !== null && value !== undefined) this.told[member] = value
  }

  protected item(place: string, index: number): Item {
    const known = this.items.get(place)
    if (known !== undefined) return known
    const made = { type: "", name: "", id: "", index }
    if (this.items.size < itemsMax) this.items.set(place, made)
    else this.#values.truncated = true
    return made
  }
}

/** `chat.completion`, and the `chat.completion.chunk` events of a stream. */
export class ChatDocument extends OpenAiDocument {
  readonly depth = 7
  readonly #choices = new Map<string, number>()

  value(path: JsonPath, value: JsonScalar | undefined): void {
    const [first, second] = path
    if (first === "choices" && typeof second === "number") this.#choice(path, value)
    if (path.length === 1 && first === "model" && typeof value === "string") this.told.model = value
    if (path.length !== 2 || first !== "usage") return
    if (second === "prompt_tokens") this.usage(value, "input")
    if (second === "completion_tokens") this.usage(value, "output")
  }

  #choice(path: JsonPath, value: JsonScalar | undefined): void {
    const [, choice, member, list, call] = path
    if (path.length === 3 && member === "finish_reason" && typeof value === "string")
      this.told.finish = value
    if (path.length === 3 && member === "index" && typeof value === "number")
      if (this.#choices.size < itemsMax) this.#choices.set(`${choice}`, value)
    if ((member !== "message" && member !== "delta") || list !== "tool_calls") return
    if (typeof call === "number") this.#call(this.item(`${choice}/${call}`, call), path, value)
  }

  #call(item: Item, path: JsonPath, value: JsonScalar | undefined): void {
    const [, , , , , member, inner] = path
    if (member === "id" && typeof value === "string") item.id = value
    if (member === "index" && typeof value === "number") item.index = value
    if (member !== "function" && member !== "custom") return
    if (inner === "name" && typeof value === "string") item.name = value
  }

  protected foldTools(isEvent: boolean): void {
    for (const [place, call] of this.items) {
      const [choice = ""] = place.split("/", 1)
      const key = `${this.#choices.get(choice) ?? choice}/${call.id || call.index}`
      // A stream names a call in its first piece; the pieces that follow carry only an index.
      if (!isEvent) this.tools.add(place, call.name)
      else if (call.name !== "") this.tools.add(key, call.name)
    }
  }

  override drop(): void {
    super.drop()
    this.#choices.clear()
  }
}

const streamed = "item"

/** A `response`, as the body or inside the events of a stream. */
export class ResponsesDocument extends OpenAiDocument {
  readonly depth = 4
  #type = ""

  value(path: JsonPath, value: JsonScalar | undefined): void {
    const [first, second] = path
    if (first === "response") return this.#response(path, 1, value)
    if (first === "item" && path.length === 2) return this.#item(streamed, second, value)
    if (first === "type" && typeof value === "string") this.#type = value
    return this.#response(path, 0, value)
  }

  #response(path: JsonPath, top: number, value: JsonScalar | undefined): void {
    const [first, second, third] = path.slice(top)
    const steps = path.length - top
    if (steps === 1 && first === "model" && typeof value === "string") this.told.model = value
    if (steps === 1 && first === "status" && typeof value === "string") this.told.finish = value
    if (steps === 2 && first === "usage" && second === "input_tokens") this.usage(value, "input")
    if (steps === 2 && first === "usage" && second === "output_tokens") this.usage(value, "output")
    if (steps === 3 && first === "output") this.#item(`${second}`, third, value)
  }

  #item(place: string, member: string | number | undefined, value: JsonScalar | undefined): void {
    if (typeof value !== "string") return
    if (member === "type" || member === "name" || member === "id")
      this.item(place, 0)[member] = value
  }

  protected foldTools(): void {
    const item = this.items.get(streamed)
    if (this.#type === "response.output_item.done" && item !== undefined) this.#add(item)
    const output = [...this.items].filter(([place]) => place !== streamed)
    // The event that ends a stream repeats all that came before it.
    if (output.length > 0) this.tools.clear()
    for (const [place, each] of output) this.#add(each, place)
  }

  #add({ type, name, id }: Item, place = id || `#${this.tools.count}`): void {
    if (type.endsWith("_call")) this.tools.add(place, name || type)
  }

  override drop(): void {
    super.drop()
    this.#type = ""
  }
}
