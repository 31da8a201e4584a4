import { malformed } from "@amc/core"
import { isObject, timeOf } from "./foreign-json.ts"
import type { Outcome, ResultCount } from "./result-count.ts"
import type { ResultReader } from "./result-reader.ts"

const outcomes: ReadonlyMap<unknown, Outcome> = new Map([
  ["pass", "passed"],
  ["fail", "failed"],
  ["error", "undecided"],
])

/** Logs: one object a line, which may say an `outcome` (`pass`, `fail`, `error`) and a `time`. */
export function logReader(count: ResultCount): ResultReader {
  return {
    take(line) {
      if (!isObject(line)) throw malformed("a line is not an object")
      count.entry()
      count.time(timeOf(line["time"] ?? line["timestamp"] ?? line["ts"]))
      if (!Object.hasOwn(line, "outcome")) return
      const outcome = outcomes.get(line["outcome"])
      if (outcome === undefined) throw malformed("an outcome is not one of pass, fail, error")
      count.outcome(outcome)
    },
    end: () => undefined,
  }
}
