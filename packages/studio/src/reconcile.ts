import { toHex } from "@amc/core"
import type { EventStore } from "@amc/ledger"
import { eventOf, withLedger } from "./ledger-reader.ts"
import type { Workspace } from "./workspace.ts"

export interface ReconcileTerms {
  readonly agent?: string | undefined
  /** Requests that were recorded since. */
  readonly sinceMs?: number | undefined
}

/** The calls of one agent. */
export interface CallCount {
  readonly agent: string
  readonly requests: number
  readonly responses: number
  readonly open: number
}

/** A call whose other half is not there, or is there and does not fit. */
export interface Unmatched {
  readonly agent: string
  readonly session: string | null
  readonly call_id: string
  readonly lseq: number
  readonly what: "open" | "never-closed" | "closed-twice" | "no-request" | "other-request"
}

export interface Reconciled {
  readonly lane: string
  readonly agents: readonly CallCount[]
  readonly unmatched: readonly Unmatched[]
  /** Requests = responses + open, and what is open lies in sessions that are not sealed yet. */
  readonly isBalanced: boolean
}

interface Request {
  readonly agent: string
  readonly session: string | null
  readonly lseq: number
  readonly hash: string
  isClosed: boolean
}

/**
 * Counts the requests and responses that the gateway recorded, and names each call that lacks its
 * counterpart. Signatures and chain are the verifier's business.
 *
 * @throws {@link AmcError} `workspace/missing`, `store/unavailable`
 */
export function reconcile(workspace: Workspace, terms: ReconcileTerms): Promise<Reconciled> {
  const { lane } = workspace
  return withLedger(workspace, async ({ events }) => {
    const requests = await requestsOf(events, lane)
    const unmatched: Unmatched[] = []
    const responses = new Map<string, number>()
    const isMeant = (agent: string, ts: number): boolean =>
      agent === (terms.agent ?? agent) && ts >= (terms.sinceMs ?? 0)
    for await (const { leaf, lseq } of events.readType(lane, "llm_response")) {
      const event = eventOf(leaf)
      if (event.type !== "llm_response") continue
      const { agent, session } = event
      const { call_id, request_event_hash: hash } = event.facts.measured
      const request = requests.get(call_id)
      if (!isMeant(agent, request?.ts ?? event.ts)) continue
      responses.set(agent, (responses.get(agent) ?? 0) + 1)
      const what = faultOf(request, { agent, session, hash })
      if (what !== null) unmatched.push({ agent, session, call_id, lseq, what })
      if (request !== undefined) request.isClosed = true
    }
    const sealed = await sealedSessions(events, lane)
    const meant = [...requests].filter(([, { agent, ts }]) => isMeant(agent, ts))
    for (const [call_id, { agent, session, lseq, isClosed }] of meant) {
      const what = sealed.has(session ?? "") ? "never-closed" : "open"
      if (!isClosed) unmatched.push({ agent, session, call_id, lseq, what })
    }
    return {
      lane,
      agents: countsOf(
        meant.map(([, request]) => request),
        responses,
      ),
      unmatched: unmatched.sort((a, b) => a.lseq - b.lseq),
      isBalanced: unmatched.every(({ what }) => what === "open"),
    }
  })
}

async function requestsOf(
  events: EventStore,
  lane: string,
): Promise<Map<string, Request & { readonly ts: number }>> {
  const requests = new Map<string, Request & { readonly ts: number }>()
  for await (const { leaf, leafHash, lseq } of events.readType(lane, "llm_request")) {
    const event = eventOf(leaf)
    if (event.type !== "llm_request") continue
    const { agent, session, ts } = event
    const where = { agent, session, lseq, ts, hash: toHex(leafHash), isClosed: false }
    requests.set(event.facts.measured.call_id, where)
  }
  return requests
}

function faultOf(
  request: Request | undefined,
  closing: Pick<Request, "agent" | "session" | "hash">,
): Unmatched["what"] | null {
  if (request === undefined) return "no-request"
  if (request.isClosed) return "closed-twice"
  const { agent, session, hash } = request
  const fits = agent === closing.agent && session === closing.session && hash === closing.hash
  return fits ? null : "other-request"
}

async function sealedSessions(events: EventStore, lane: string): Promise<ReadonlySet<string>> {
  const sealed = new Set<string>()
  for await (const { session } of events.readType(lane, "session_seal")) sealed.add(session ?? "")
  return sealed
}

function countsOf(
  requests: readonly Request[],
  responses: ReadonlyMap<string, number>,
): readonly CallCount[] {
  const agents = new Set([...requests.map(({ agent }) => agent), ...responses.keys()])
  return [...agents].sort().map((agent) => {
    const own = requests.filter((request) => request.agent === agent)
    const open = own.filter(({ isClosed }) => !isClosed).length
    return { agent, requests: own.length, responses: responses.get(agent) ?? 0, open }
  })
}
