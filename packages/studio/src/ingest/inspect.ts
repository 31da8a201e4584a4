import { malformed } from "@amc/core"
import { factText, isObject, memberOf, timeOf } from "./foreign-json.ts"
import type { Outcome, ResultCount } from "./result-count.ts"
import type { ResultReader } from "./result-reader.ts"

/** A log of Inspect (inspect_ai) in JSON: what its scorers say of each sample. */
export function inspectReader(count: ResultCount): ResultReader {
  let isSeen = false
  return {
    take(log) {
      const [task, samples] = [memberOf(log, "eval", "task"), memberOf(log, "samples")]
      if (isSeen || typeof task !== "string")
        throw malformed("the file is not one log of an Inspect evaluation")
      if (!Array.isArray(samples) || samples.length === 0)
        throw malformed("the log has no samples: only its header was written")
      isSeen = true
      count.tool(toolOf(log))
      count.time(timeOf(memberOf(log, "eval", "created")))
      for (const sample of samples as readonly unknown[]) {
        count.entry()
        count.outcome(outcomeOf(sample))
      }
      // An evaluation that broke off keeps back what it would have found.
      if (memberOf(log, "status") !== "success") count.outcome("undecided")
    },
    end: () => undefined,
  }
}

/** Every scorer has to be content; a grade in between decides nothing. */
function outcomeOf(sample: unknown): Outcome {
  const scores = memberOf(sample, "scores")
  const error = memberOf(sample, "error")
  if ((error !== undefined && error !== null) || !isObject(scores)) return "undecided"
  const grades = Object.values(scores).map((score) => gradeOf(memberOf(score, "value")))
  if (grades.includes("failed")) return "failed"
  return grades.length > 0 && grades.every((grade) => grade === "passed") ? "passed" : "undecided"
}

/** C, I, P and N are Inspect's own letters: correct, incorrect, partly, no answer. */
function gradeOf(value: unknown): Outcome {
  if (value === "C" || value === true || value === 1) return "passed"
  if (value === "I" || value === "N" || value === false || value === 0) return "failed"
  return "undecided"
}

function toolOf(log: unknown): string {
  const version = factText(memberOf(log, "eval", "packages", "inspect_ai"))
  return version === "" ? "inspect_ai" : factText(`inspect_ai ${version}`)
}
