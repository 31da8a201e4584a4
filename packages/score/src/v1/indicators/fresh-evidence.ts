import type { Indicator, MeasuredWindow } from "../indicator.ts"
import { dayOf, dayStart } from "../integer.ts"
import type { Judged } from "../judged.ts"

/** SAO-11: of the days on which the agent held a lease, those with an answer in a session that was seen whole. */
export const freshEvidence: Indicator = {
  id: "SAO-11",
  reads: ["lease", "llm_response", "session_seal"],
  spans: (window) => {
    if (!window.isAnswered) return []
    const seen = new Map(
      window.sessions
        .filter(({ isSeenWhole }) => isSeenWhole)
        .flatMap(({ servedDays }) => [...servedDays]),
    )
    return [...leasedDays(window)].map(([day, hash]) => dayOfLease(day, seen.get(day), hash))
  },
}

function dayOfLease(day: number, seen: string | undefined, lease: string): Judged {
  const ms = dayStart(day)
  const id = `day ${day}`
  const session = { id, day, firstMs: ms, lastMs: ms, replayKey: id, lastHash: seen ?? lease }
  return { session, tier: "OBSERVED", items: [{ outcome: seen === undefined ? "fail" : "pass" }] }
}

/** The days on which a lease was in force, each with the event that says so. */
function leasedDays({ lookMs, toMs, own }: MeasuredWindow): ReadonlyMap<number, string> {
  const leases = own("lease")
  const ends = new Map<string, number>()
  for (const { ts, measured } of leases)
    if (measured.action === "revoked") ends.set(measured.lease_id, ts)
  const days = new Map<number, string>()
  for (const { ts, hash, measured } of leases) {
    if (measured.action !== "issued") continue
    const end = Math.min(ends.get(measured.lease_id) ?? Math.max(measured.expires_ms, ts), toMs)
    if (end < lookMs) continue
    const last = dayOf(end)
    for (let day = dayOf(Math.max(ts, lookMs)); day <= last; day++) days.set(day, hash)
  }
  return days
}
