import type { Recorder } from "@amc/core"
import type { JudgedCall } from "./trace-judge.ts"
import { traceAudits, type TraceTally } from "./trace-tally.ts"

const callsPerEvent = 200

export interface TraceRecord {
  readonly agent: string
  readonly source_sha256: string
  readonly calls: readonly JudgedCall[]
  readonly tally: TraceTally
}

/**
 * Records the new calls of a trace with what they were found to be. The audits come first: a crash in between
 * leaves calls that the same trace brings again, and none without its audit.
 */
export async function recordTrace(
  recorder: Recorder,
  { agent, source_sha256, calls, tally }: TraceRecord,
): Promise<void> {
  const about = { agent, session: null } as const
  const subject = `trace ${source_sha256}`
  const audits = traceAudits(tally).map((audit) =>
    recorder.record({
      type: "audit",
      channel: "recorder",
      ...about,
      facts: { measured: { ...audit, subject }, reported: {} },
    }),
  )
  await Promise.all(audits)
  for (let at = 0; at < calls.length; at += callsPerEvent)
    await recorder.record({
      type: "trace_claim",
      channel: "ingest",
      ...about,
      facts: {
        measured: { source_sha256, calls: calls.slice(at, at + callsPerEvent) },
        reported: {},
      },
    })
}
