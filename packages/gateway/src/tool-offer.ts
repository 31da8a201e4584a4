import type { JsonPath } from "./json-scan.ts"

const lists = ["tools", "functionDeclarations", "function_declarations"]

/** Whether a member of a tool may be a list of tools. */
export function isList(member: string | number | undefined): boolean {
  return typeof member === "string" && lists.includes(member)
}

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

  /** Takes a value of the request's list of tools, which lies so many steps from the path's start. */
  value(path: JsonPath, from: number): void {
    const inside = path.length - from
    if (inside === 0) this.#entries = this.#lists = this.#listed = 0
    const entry = path[from]
    if (typeof entry !== "number") return
    if (inside === 1) this.#entries = entry + 1
    const inner = path[from + 2]
    if (inside !== 3 || typeof inner !== "number" || !isList(path[from + 1])) return
    if (inner === 0) this.#lists++
    this.#listed++
  }
}
