import { malformed } from "@amc/core"
import { countOf, factText, isObject, memberOf, timeOf } from "./foreign-json.ts"
import type { ResultCount } from "./result-count.ts"
import type { ResultReader } from "./result-reader.ts"

/** garak's `report.jsonl`: what its detectors say of the attempts of each probe. */
export function garakReader(count: ResultCount): ResultReader {
  let isSeen = false
  count.tool("garak")
  return {
    take(entry) {
      if (!isObject(entry) || typeof entry["entry_type"] !== "string")
        throw malformed("a line is no entry of a garak report")
      const version = memberOf(entry, "garak_version") ?? memberOf(entry, "_config.version")
      if (typeof version === "string") count.tool(factText(`garak ${version}`))
      count.time(timeOf(entry["start_time"]))
      if (entry["entry_type"] !== "eval") return
      isSeen = true
      takeEvaluation(entry, count)
    },
    end() {
      if (!isSeen) throw malformed("the report has no evaluation: garak writes them when it ends")
    },
  }
}

/** Older reports have `total` alone; newer ones tell what no detector decided, and leave it out of what they evaluated. */
function takeEvaluation(entry: Readonly<Record<string, unknown>>, count: ResultCount): void {
  const passed = countOf(entry["passed"])
  const total = countOf(entry["total_evaluated"] ?? entry["total"])
  const undecided = countOf(entry["nones"] ?? 0)
  if (passed === null || total === null || undecided === null || passed > total)
    throw malformed("an evaluation of garak has counts that can't be")
  count.entry(countOf(entry["total_processed"]) ?? total)
  count.outcome("passed", passed)
  const failed = countOf(entry["fails"]) ?? total - passed
  count.outcome("failed", failed)
  count.outcome("undecided", Math.max(undecided, total - passed - failed))
}
