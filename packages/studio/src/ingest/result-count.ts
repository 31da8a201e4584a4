import { malformed, type ReportedFacts } from "@amc/core"

export type Outcome = "passed" | "failed" | "undecided"
export type ResultFacts = ReportedFacts<"ingest">

/** What a file of others says came of its tests: counts and times, all of them only reported. */
export class ResultCount {
  #tool = ""
  #entries = 0
  readonly #outcomes = { passed: 0, failed: 0, undecided: 0 }
  #fromMs = -1
  #toMs = -1

  /** Names the tool that wrote the file; the last name counts. */
  tool(name: string): void {
    if (name !== "") this.#tool = name
  }

  /** So many entries more, which may have no outcome. */
  entry(count: number = 1): void {
    this.#entries = sum(this.#entries, count)
  }

  outcome(outcome: Outcome, count: number = 1): void {
    this.#outcomes[outcome] = sum(this.#outcomes[outcome], count)
  }

  time(ms: number | null): void {
    if (ms === null) return
    this.#fromMs = this.#fromMs < 0 ? ms : Math.min(this.#fromMs, ms)
    this.#toMs = Math.max(this.#toMs, ms)
  }

  facts(): ResultFacts {
    return {
      tool: this.#tool,
      entries: this.#entries,
      ...this.#outcomes,
      from_ms: this.#fromMs,
      to_ms: this.#toMs,
    }
  }
}

function sum(a: number, b: number): number {
  if (!Number.isSafeInteger(a + b)) throw malformed("its counts are larger than a number can be")
  return a + b
}
