import type { ForeignValues } from "./foreign-values.ts"

const namesMax = 64
const keysMax = 1024

/** The tool calls of one answer: how many, and the distinct names. */
export class ToolTally {
  readonly #values: ForeignValues
  readonly #keys = new Set<string>()
  #names: string[] = []
  #count = 0

  constructor(values: ForeignValues) {
    this.#values = values
  }

  get count(): number {
    return this.#count
  }

  get names(): string[] {
    return this.#names
  }

  /** Adds a call, once for each key. */
  add(key: string, name: string): void {
    if (this.#keys.has(key)) return
    if (this.#keys.size < keysMax) this.#keys.add(key)
    else this.#values.truncated = true
    this.#count++
    const text = this.#values.text(name)
    if (text === "" || this.#names.includes(text)) return
    if (this.#names.length < namesMax) this.#names.push(text)
    else this.#values.truncated = true
  }

  clear(): void {
    this.#keys.clear()
    this.#names = []
    this.#count = 0
  }
}
