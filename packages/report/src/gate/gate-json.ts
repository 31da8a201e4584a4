import { printableJson } from "@amc/core"
import type { GateOutcome } from "@amc/score"

/** A gate's outcome as JSON (spec/schemas/gate.schema.json), without bytes that a terminal would obey. */
export function gateJson(outcome: GateOutcome): string {
  return `${printableJson(JSON.stringify(outcome, null, 2))}\n`
}
