import type { BundleSummary } from "@amc/verify"

/** The few facts of an accepted bundle that a reader takes away. Whether they are good enough is another question. */
export function summaryLines({
  workspace,
  agent,
  run_id,
  events,
  report,
  trust_label,
}: BundleSummary): readonly (readonly [string, string])[] {
  return [
    ["agent", `${agent} of ${workspace}, ${run_id}`],
    ["events", String(events)],
    ["status", `${report.status} (posture ${report.posture})`],
    ["trust", `${trust_label} by this verifier; sealed as ${report.trust_label}`],
    ["integrity", `${report.integrity_index} of 100`],
    ["overall", `level ${report.overall}, the lowest of its layers`],
    ...report.layers.map(({ name, level }) => ["layer", `${name}: ${level}`] as const),
  ]
}
