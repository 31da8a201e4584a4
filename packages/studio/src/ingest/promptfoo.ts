import { malformed } from "@amc/core"
import { factText, isObject, listOf, memberOf, timeOf } from "./foreign-json.ts"
import type { Outcome, ResultCount } from "./result-count.ts"
import type { ResultReader } from "./result-reader.ts"

/** promptfoo's `ResultFailureReason.ERROR`: the test could not be run. */
const couldNotRun = 2

/** What `promptfoo eval` or `redteam run` writes with `-o results.json`, or one result a line with `-o results.jsonl`. */
export function promptfooReader(count: ResultCount): ResultReader {
  let isSeen = false
  return {
    take(document) {
      const results = resultsOf(document)
      if (results === null) throw malformed("a document has no results of promptfoo")
      isSeen = true
      count.tool(toolOf(document))
      count.time(
        timeOf(memberOf(document, "results", "timestamp") ?? memberOf(document, "timestamp")),
      )
      for (const result of results) {
        count.entry()
        count.outcome(outcomeOf(result))
      }
    },
    end() {
      if (!isSeen) throw malformed("the file has no results of promptfoo")
    },
  }
}

/** Of a whole evaluation, of its summary alone, or of one result. */
function resultsOf(document: unknown): readonly unknown[] | null {
  const whole = memberOf(document, "results", "results")
  if (Array.isArray(whole)) return listOf(whole)
  const summary = memberOf(document, "results")
  if (Array.isArray(summary)) return listOf(summary)
  return isObject(document) && typeof document["success"] === "boolean" ? [document] : null
}

function outcomeOf(result: unknown): Outcome {
  const success = memberOf(result, "success")
  if (typeof success !== "boolean") throw malformed("a result of promptfoo says no success")
  if (success) return "passed"
  return memberOf(result, "failureReason") === couldNotRun ? "undecided" : "failed"
}

function toolOf(document: unknown): string {
  const version = factText(memberOf(document, "metadata", "promptfooVersion"))
  return version === "" ? "promptfoo" : factText(`promptfoo ${version}`)
}
