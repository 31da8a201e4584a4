import type { ResultReader } from "./result-reader.ts"
import type { ResultCount } from "./result-count.ts"
import type { JudgedCall, TraceJudge } from "./trace-judge.ts"
import { TraceReader } from "./trace-spans.ts"

/** Takes the documents of a file, in order. */
export interface DocumentTaker {
  /** The calls that were found new, and how many were known; null where no trace is read. */
  readonly trace: { readonly calls: readonly JudgedCall[]; readonly known: number } | null
  take(document: unknown): Promise<void>
  end(): void
}

/** Of results. */
export function resultTaker(reader: ResultReader): DocumentTaker {
  return {
    trace: null,
    take: async (document) => reader.take(document),
    end: () => reader.end(),
  }
}

/** Of a trace, whose calls are judged as they come. */
export class TraceTaker implements DocumentTaker {
  readonly #reader: TraceReader
  readonly #judge: TraceJudge
  readonly #calls: JudgedCall[] = []
  #known = 0

  constructor(count: ResultCount, judge: TraceJudge) {
    this.#reader = new TraceReader(count)
    this.#judge = judge
  }

  get trace(): NonNullable<DocumentTaker["trace"]> {
    return { calls: this.#calls, known: this.#known }
  }

  async take(document: unknown): Promise<void> {
    for (const call of this.#reader.take(document)) {
      const judged = await this.#judge.judge(call)
      if (judged === null) this.#known++
      else this.#calls.push(judged)
    }
  }

  end(): void {}
}
