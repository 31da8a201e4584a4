import { type JsonPath, type JsonScalar, JsonScan, type JsonVisitor } from "./json-scan.ts"

/** What a request asks for, as far as policies go. */
export interface WireRequest {
  /** The body is one JSON object, and says nothing twice that a rule looks at. */
  readonly isReadable: boolean
  readonly model: string | null
  readonly maxTokens: number | null
  /** How many answers are asked for. */
  readonly answers: number
  readonly temperatures: readonly number[]
  /** Top members that are there and neither `null` nor `false`. */
  readonly members: ReadonlySet<string>
  readonly tools: readonly string[]
  /** Some of the input does not lie in the body: an address, a file's id, an earlier answer. */
  readonly isInputElsewhere: boolean
}

const maxTokens = new Set([
  "maxtokens",
  "maxcompletiontokens",
  "maxoutputtokens",
  "maxtokenstosample",
  "maxnewtokens",
  "maxgenlen",
  "numpredict",
  "npredict",
])
const answers = new Set(["n", "bestof", "candidatecount"])
/** Members below which a format keeps its parameters. */
const groups = new Set([
  "generationconfig",
  "options",
  "parameters",
  "inferenceconfig",
  "textgenerationconfig",
  "additionalmodelrequestfields",
  "extrabody",
])
/** Members that have a list of tools among others. */
const toolGroups = new Set(["toolconfig", "additionalmodelrequestfields", "extrabody"])
const elsewhere =
  /^(?:previousresponseid|conversation|imageurl|fileid|filedata|fileuri|fileurl|s3location|cachedcontent|container|context)$/
/** Members of a tool that only wrap what names it. */
const wrappers = new Set(["function", "functiondeclarations", "toolspec", "custom"])
/** More are not told apart; a request that has more is not readable. */
const most = 10_000

interface Tool {
  isNamed: boolean
  readonly members: string[]
}

/**
 * Reads what a request's body asks for while it comes in. Servers differ in what they make of a member
 * that is there twice or in another spelling, so such a body is not readable, and rules refuse it.
 */
export class WireReader implements JsonVisitor {
  readonly depth = 8
  readonly #scan = new JsonScan(this)
  readonly #seen = new Set<string>()
  readonly #members = new Set<string>()
  readonly #tools: Tool[] = []
  readonly #toolNames = new Set<string>()
  readonly #temperatures: number[] = []
  #first = ""
  #top = ""
  #isObject = false
  #isAmbiguous = false
  #isInputElsewhere = false
  #model: string | null = null
  #maxTokens: number | null = null
  #answers = 1

  push(piece: Uint8Array): void {
    this.#scan.push(piece)
  }

  end(): WireRequest {
    return {
      isReadable: this.#scan.end() && this.#isObject && !this.#isAmbiguous,
      model: this.#model,
      maxTokens: this.#maxTokens,
      answers: this.#answers,
      temperatures: this.#temperatures,
      members: this.#members,
      tools: [...this.#toolNames, ...this.#tools.flatMap(namesOfUnnamed)],
      isInputElsewhere: this.#isInputElsewhere,
    }
  }

  value(path: JsonPath, value: JsonScalar | undefined): void {
    if (path.length === 0) {
      this.#isObject = value === undefined
      return
    }
    const [first, second] = path
    // An array at the top, which has no members.
    if (typeof first !== "string") {
      this.#isObject = false
      return
    }
    const top = this.#topOf(first)
    if (path.length === 1) this.#member(top, value)
    const isParameter = path.length === 1 || (path.length === 2 && groups.has(top))
    if (isParameter) this.#parameter(folded(`${path.at(-1)}`), value)
    if (isBatch(top, path)) this.#isAmbiguous = true
    if (top === "tools" || top === "functions") this.#tool(path.slice(1), value)
    if (toolGroups.has(top) && isTools(second)) this.#tool(path.slice(2), value)
    if (top === "mcpservers" && path.at(-1) === "name" && typeof value === "string")
      this.#offer(value)
    if (value !== null && isElsewhere(path)) this.#elsewhere(path, value)
  }

  /** Many values in turn lie below one member. */
  #topOf(first: string): string {
    if (first === this.#first) return this.#top
    this.#first = first
    return (this.#top = folded(first))
  }

  #member(top: string, value: JsonScalar | undefined): void {
    if (this.#seen.has(top) || this.#seen.size > most) this.#isAmbiguous = true
    else this.#seen.add(top)
    if (top === "websearchoptions" && value !== null) this.#offer("web_search_options")
    if (top !== "model") return
    if (typeof value === "string") this.#model = value
    else this.#isAmbiguous = true
  }

  #parameter(name: string, value: JsonScalar | undefined): void {
    if (value === null) return
    if (this.#members.size > most) this.#isAmbiguous = true
    else if (value !== false) this.#members.add(name)
    if (name === "temperature") {
      if (typeof value === "number") this.#temperatures.push(value)
      else this.#isAmbiguous = true
    }
    if (!maxTokens.has(name) && !answers.has(name)) return
    if (typeof value !== "number" || !Number.isFinite(value)) this.#isAmbiguous = true
    else if (answers.has(name)) this.#answers = Math.max(this.#answers, Math.ceil(value))
    // Ollama takes a negative number for no limit, and zero too.
    else this.#maxTokens = Math.max(this.#maxTokens ?? 0, value < 1 ? Infinity : Math.ceil(value))
  }

  #offer(name: string): void {
    if (this.#toolNames.size > most) this.#isAmbiguous = true
    else this.#toolNames.add(name)
  }

  /**
   * `place` begins with the tool's place in the list; Google's servers take a lone object for a list of one.
   * All that could name a tool counts as its name.
   */
  #tool(place: JsonPath, value: JsonScalar | undefined): void {
    if (place.length === 0) return
    const path = typeof place[0] === "number" ? place : [0, ...place]
    const [at, member, third, fourth] = path
    if (typeof at !== "number") return
    if (at > most || this.#toolNames.size > most) {
      this.#isAmbiguous = true
      return
    }
    const tool = (this.#tools[at] ??= { isNamed: false, members: [] })
    const last = folded(`${path.at(-1)}`)
    const isWrapped = path.length === 5 && wrappers.has(folded(`${fourth}`))
    const isDeclared =
      path.length < 4 || (typeof third === "number" && (path.length === 4 || isWrapped))
    const isName = (last === "name" || last === "serverlabel") && isDeclared
    const isType = last === "type" && path.length === 2
    if (typeof value === "string" && (isName || isType)) {
      // What is named in a wrapper does not name what stands beside that.
      if (path.length === 2) tool.isNamed = true
      if (!isType || (value !== "function" && value !== "custom")) this.#toolNames.add(value)
    }
    if (value === undefined && path.length === 2 && tool.members.length < 64)
      tool.members.push(`${member}`)
  }

  #elsewhere(path: JsonPath, value: JsonScalar | undefined): void {
    const [first] = path
    // What a tool's schema calls its arguments is no input.
    if (first === "tools" || first === "functions" || first === "toolConfig") return
    if (typeof value === "string" && /^data:/i.test(value)) return
    this.#isInputElsewhere = true
  }
}

/** A tool that only has a member, such as `{"googleSearch": {}}`, goes by that. */
function namesOfUnnamed({ isNamed, members }: Tool): readonly string[] {
  return isNamed ? [] : members.filter((member) => !wrappers.has(folded(member)))
}

function isTools(member: string | number | undefined): boolean {
  return typeof member === "string" && folded(member) === "tools"
}

/** A `url` alone may be anything's, such as a tool's argument. */
function isElsewhere(path: JsonPath): boolean {
  const last = path.at(-1)
  if (typeof last !== "string") return false
  return elsewhere.test(folded(last)) || (last === "url" && path.at(-2) === "source")
}

/** Whether a body asks for many answers at once, each with a model, limits and tools of its own. */
function isBatch(top: string, path: JsonPath): boolean {
  if (top === "batch") return path.length > 1
  return top === "requests" && path.length === 3 && path[2] === "params"
}

/**
 * Some servers take names in any case, and with or without underscores. Go's take the long s and the
 * Kelvin sign for letters too, which only both changes of case bring together.
 */
export function folded(name: string): string {
  return name.replaceAll("_", "").toUpperCase().toLowerCase()
}
