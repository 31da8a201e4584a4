import { type Event, parseEvent, type SignedLeaf } from "@amc/core"
import { openLedger } from "@amc/store-sqlite"

/** What the ledger of a stand that was closed holds. */
export interface LedgerCount {
  readonly events: number
  readonly requests: number
  /** Closing events of calls by how they ended. */
  readonly responses: Readonly<Record<string, number>>
  /** Calls without exactly one closing event, and closing events without a call. */
  readonly unmatched: number
  readonly tunnels: { readonly opened: number; readonly closed: number }
}

/** One event at a time, since a soak's do not fit into memory. What `read` makes nothing of is counted and not looked at. */
export async function countLedger(
  dir: string,
  read: (signed: SignedLeaf) => Event | undefined = ({ leaf }) => parseEvent(leaf),
): Promise<LedgerCount> {
  const ledger = openLedger(dir, { readOnly: true })
  let events = 0
  const requests = new Map<string, number>()
  const responses: Record<string, number> = {}
  const tunnels = { opened: 0, closed: 0 }
  let strays = 0
  for await (const row of ledger.events.read("main", 0)) {
    events++
    const event = read(row)
    if (event === undefined) continue
    const { type, facts } = event
    if (type === "llm_request") requests.set(facts.measured.call_id, 0)
    if (type === "network_connect") tunnels.opened += facts.measured.connections.length
    if (type === "network_traffic")
      tunnels.closed += facts.measured.connections.filter(
        ({ completeness }) => completeness !== "open",
      ).length
    if (type !== "llm_response") continue
    const { call_id, completeness } = facts.measured
    responses[completeness] = (responses[completeness] ?? 0) + 1
    const closings = requests.get(call_id)
    if (closings === undefined) strays++
    else requests.set(call_id, closings + 1)
  }
  await ledger.close()
  const unmatched = strays + [...requests.values()].filter((closings) => closings !== 1).length
  return { events, requests: requests.size, responses, unmatched, tunnels }
}
