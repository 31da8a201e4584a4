import {
  AmcError,
  type Event,
  type EventBody,
  type Facts,
  judgeIsolation,
  malformed,
  type Observation,
  type ObservationOf,
} from "@amc/core"

/** A request that was recorded and has no recorded response yet. */
export interface OpenCall {
  readonly call_id: string
  readonly request_event_hash: string
}

/** A connection of an agent's that was opened and has no end yet, with what it is known to have moved. */
export interface OpenConnection {
  readonly connection_id: string
  readonly connect_event_hash: string
  readonly bytes_sent: number
  readonly bytes_received: number
  readonly duration_ms: number
}

/** A session that has no seal yet. */
export interface OpenSession {
  readonly session: string
  readonly agent: string
  readonly calls: readonly OpenCall[]
  readonly connections: readonly OpenConnection[]
  /** What its probe established before the agent began; without one nothing is. */
  readonly posture: "measured" | "shared"
}

interface Page {
  readonly agent: string
  readonly firstAseq: number
  lastAseq: number
  lastEventHash: string
  events: number
  readonly calls: Map<string, string>
  readonly connections: Map<string, OpenConnection>
  /** The verdict on each probe of the session. */
  readonly probes: ("measured" | "shared")[]
}

type SealedRange = Pick<
  Facts<"session_seal">["measured"],
  "first_aseq" | "last_aseq" | "events" | "last_event_hash"
>

/** The sessions of one lane: which are open, what they hold so far, and which were sealed. */
export class SessionBook {
  readonly #open = new Map<string, Page>()
  readonly #sealed: Set<string>

  constructor(sealed: Iterable<string> = []) {
    this.#sealed = new Set(sealed)
  }

  /**
   * Refuses what can't be said of its session: anything before its opening or after its seal, and
   * events of another agent.
   *
   * @throws {@link AmcError} `ledger/closed`, `input/malformed`
   */
  check(observation: Observation): void {
    const { session, type, agent } = observation
    if (session === null) return checkWithout(type)
    if (this.#sealed.has(session)) throw new AmcError("ledger/closed", "the session is sealed")
    const page = this.#open.get(session)
    if (type === "session_open") {
      if (page !== undefined) throw malformed("the session is open already")
      return
    }
    if (page === undefined) throw new AmcError("ledger/closed", "the session was never opened")
    if (page.agent !== agent) throw malformed("the session is another agent's")
  }

  /** The facts of a seal with the range that it closes: all events of its session before it. */
  sealFacts({ session, facts }: ObservationOf<"session_seal">): Facts<"session_seal"> {
    return { ...facts, measured: { ...facts.measured, ...this.#range(session) } }
  }

  /** Takes an event into account that has its place in the lane. */
  note(event: Event, eventHash: string): void {
    const { session } = event
    if (session === null) return
    if (event.type === "session_seal") {
      this.#open.delete(session)
      this.#sealed.add(session)
      return
    }
    const page = this.#pageOf(session, event)
    page.lastAseq = event.aseq
    page.lastEventHash = eventHash
    page.events++
    if (event.type === "llm_request") page.calls.set(event.facts.measured.call_id, eventHash)
    if (event.type === "llm_response") page.calls.delete(event.facts.measured.call_id)
    if (event.type === "network_connect" || event.type === "network_traffic")
      noteConnections(page.connections, event, eventHash)
    if (event.type === "sandbox_probe")
      page.probes.push(judgeIsolation(event.facts.measured).posture)
  }

  /** What a crash now would leave open, in the order of opening. */
  openSessions(): OpenSession[] {
    return Array.from(this.#open, ([session, page]) => openOf(session, page))
  }

  /** What is open of a session; null if it is not open. */
  open(session: string | null): OpenSession | null {
    const page = this.#open.get(session ?? "")
    return page === undefined ? null : openOf(session ?? "", page)
  }

  #pageOf(session: string, { agent, aseq }: Event): Page {
    const known = this.#open.get(session)
    if (known !== undefined) return known
    const page: Page = {
      agent,
      firstAseq: aseq,
      lastAseq: aseq,
      lastEventHash: "",
      events: 0,
      calls: new Map(),
      connections: new Map(),
      probes: [],
    }
    this.#open.set(session, page)
    return page
  }

  #range(session: string | null): SealedRange {
    const page = this.#open.get(session ?? "")
    if (page === undefined) throw new AmcError("ledger/closed", "the session was never opened")
    return {
      first_aseq: page.firstAseq,
      last_aseq: page.lastAseq,
      events: page.events,
      last_event_hash: page.lastEventHash,
    }
  }
}

function openOf(session: string, { agent, calls, connections, probes }: Page): OpenSession {
  return {
    session,
    agent,
    posture: probes.length > 0 && !probes.includes("shared") ? "measured" : "shared",
    calls: Array.from(calls, ([call_id, hash]) => ({ call_id, request_event_hash: hash })),
    connections: [...connections.values()],
  }
}

function noteConnections(
  open: Map<string, OpenConnection>,
  { type, facts }: EventBody<"network_connect"> | EventBody<"network_traffic">,
  eventHash: string,
): void {
  const nothing = { bytes_sent: 0, bytes_received: 0, duration_ms: 0 }
  for (const { connection_id: id } of type === "network_connect" ? facts.measured.connections : [])
    open.set(id, { connection_id: id, connect_event_hash: eventHash, ...nothing })
  for (const one of type === "network_traffic" ? facts.measured.connections : []) {
    const { completeness, status: _status, ...moved } = one
    if (completeness === "open" && open.has(one.connection_id)) open.set(one.connection_id, moved)
    else open.delete(one.connection_id)
  }
}

const inSession: readonly Observation["type"][] = [
  "session_open",
  "session_seal",
  "llm_request",
  "llm_response",
  "network_connect",
  "network_traffic",
]

/** Recovery finds what is open by its session, so a call or connection outside of any would stay open for good. */
function checkWithout(type: Observation["type"]): void {
  if (inSession.includes(type)) throw malformed(`an observation of ${type} needs a session`)
}
