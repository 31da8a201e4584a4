import type { Event, Finding, MovedConnection } from "@amc/core"

/** An event that was read from its leaf, with its event hash. */
export interface CheckedEvent {
  readonly hash: string
  readonly event: Event
}

interface OpenSession {
  readonly agent: string
  readonly firstAseq: number
  lastAseq: number
  lastHash: string
  events: number
  /** Call ids of the session's requests by event hash. */
  readonly requests: Map<string, string>
  /** The session's connections, each as the hash of its event and its id. */
  readonly connections: Set<string>
}

type SessionFinding = Omit<Finding, "subject">

/** The rules of sessions (spec/event.md): opened first, one agent, answers to its own requests, sealed last. */
export class SessionCheck {
  readonly #open = new Map<string, OpenSession>()
  readonly #sealed = new Set<string>()

  get openCount(): number {
    return this.#open.size
  }

  get sealedCount(): number {
    return this.#sealed.size
  }

  /** Takes the next event of a chain into account and says what is wrong with it. */
  check(checked: CheckedEvent): readonly SessionFinding[] {
    const { session, type } = checked.event
    if (session === null) return type === "session_open" || type === "session_seal" ? [unnamed] : []
    if (this.#sealed.has(session)) return [afterSeal]
    const found = [
      ...this.#openingFindings(session, checked.event),
      ...this.#contentFindings(session, checked),
    ]
    this.#note(session, checked)
    return found
  }

  #openingFindings(session: string, { type, agent }: Event): readonly SessionFinding[] {
    const known = this.#open.get(session)
    if (known === undefined) return type === "session_open" ? [] : [notOpened]
    if (type === "session_open") return [openedTwice]
    return known.agent === agent ? [] : [foreignAgent]
  }

  #contentFindings(session: string, { event }: CheckedEvent): readonly SessionFinding[] {
    const known = this.#open.get(session)
    if (event.type === "llm_response") {
      const { request_event_hash, call_id } = event.facts.measured
      return known?.requests.get(request_event_hash) === call_id ? [] : [noRequest]
    }
    if (event.type === "network_traffic") {
      const ofSession = ({
        connect_event_hash: from,
        connection_id: id,
      }: MovedConnection): boolean => known?.connections.has(`${from} ${id}`) ?? false
      return event.facts.measured.connections.every(ofSession) ? [] : [noConnection]
    }
    if (event.type !== "session_seal") return []
    const { first_aseq, last_aseq, events, last_event_hash } = event.facts.measured
    const holds =
      known !== undefined &&
      first_aseq === known.firstAseq &&
      last_aseq === known.lastAseq &&
      events === known.events &&
      last_event_hash === known.lastHash
    return holds ? [] : [sealContradicted]
  }

  #note(session: string, { event, hash }: CheckedEvent): void {
    if (event.type === "session_seal") {
      this.#open.delete(session)
      this.#sealed.add(session)
      return
    }
    const page = this.#open.get(session) ?? newPage(event)
    page.lastAseq = event.aseq
    page.lastHash = hash
    page.events++
    if (event.type === "llm_request") page.requests.set(hash, event.facts.measured.call_id)
    if (event.type === "network_connect")
      for (const { connection_id: id } of event.facts.measured.connections)
        page.connections.add(`${hash} ${id}`)
    this.#open.set(session, page)
  }
}

function newPage({ agent, aseq }: Event): OpenSession {
  const [requests, connections] = [new Map<string, string>(), new Set<string>()]
  return { agent, firstAseq: aseq, lastAseq: aseq, lastHash: "", events: 0, requests, connections }
}

const unnamed: SessionFinding = {
  code: "session/unnamed",
  detail: "a session is opened or sealed without a name",
  tampered: false,
}
const notOpened: SessionFinding = {
  code: "session/not-opened",
  detail: "the event's session was never opened",
  tampered: false,
}
const openedTwice: SessionFinding = {
  code: "session/opened-twice",
  detail: "the session is open already",
  tampered: false,
}
const foreignAgent: SessionFinding = {
  code: "session/foreign-agent",
  detail: "the session is another agent's",
  tampered: false,
}
const noRequest: SessionFinding = {
  code: "session/no-request",
  detail: "the response belongs to no request of its session",
  tampered: false,
}
const noConnection: SessionFinding = {
  code: "session/no-connection",
  detail: "the traffic belongs to no connection of its session",
  tampered: false,
}
const afterSeal: SessionFinding = {
  code: "session/after-seal",
  detail: "the event's session was sealed before it",
  tampered: true,
}
const sealContradicted: SessionFinding = {
  code: "session/seal-contradicted",
  detail: "the seal names other events than the session has",
  tampered: true,
}
