import type { JsonPath, JsonScalar } from "./json-scan.ts"

const lists = ["tools", "functionDeclarations", "function_declarations"]

/**
 * Counts the tools that a request offers. An entry may be a tool, with a name or only a type, or a list
 * of them: a namespace of OpenAI's, the function declarations of Gemini's.
 */
export class ToolOffer {
  #entries = 0
  #lists = 0
  #listed = 0

  get count(): number {
    return this.#entries - this.#lists + this.#listed
  }

  /** Takes what lies in the request's list of tools. The path starts inside of it. */
  value(path: JsonPath, _value: JsonScalar | undefined): void {
    const [entry, member, inner] = path
    if (path.length === 0) this.#entries = this.#lists = this.#listed = 0
    if (typeof entry !== "number" || typeof member === "number") return
    if (path.length === 1) this.#entries = entry + 1
    if (path.length !== 3 || typeof inner !== "number" || !lists.includes(member ?? "")) return
    if (inner === 0) this.#lists++
    this.#listed++
  }
}
