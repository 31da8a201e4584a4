import type { Event, EventBody } from "@amc/core"
import type { Bank } from "./bank.ts"
import { Completeness } from "./completeness.ts"
import type { Evidence, EvidenceEvent } from "./evidence.ts"
import { daysBefore } from "./integer.ts"
import { type JudgedSession, judgedSession } from "./judged-session.ts"
import { isOfSession, isProviderAnswer, sessionOf } from "./session.ts"
import { type Window, windowFrom } from "./window.ts"

/** What was seen of a session on the first way through. */
interface Glimpse {
  readonly lane: string
  readonly firstLseq: number
  lastLseq: number
  lastMs: number
  isSealed: boolean
  isAnswered: boolean
  isChecked: boolean
  /** Events that are still to come on the second way. */
  left: number
}

/**
 * Folds the evidence of a run into its window. The events are told twice in the same order, lane by lane: first to
 * {@link WindowFold.look}, which finds where each session ends and what bears on all of them, and then to
 * {@link WindowFold.take}, which judges each session at its last event and lets its events go. What it holds grows with
 * the sessions, with what was told of files and gaps, and with the events of the sessions that are open at one place.
 */
export class WindowFold {
  readonly #run: EventBody<"run_opened">
  readonly #lookMs: number
  readonly #complete: Completeness
  readonly #glimpses = new Map<string, Glimpse>()
  readonly #kids = new Map<string, Set<string>>()
  readonly #stolen = new Set<string>()
  readonly #gaps: EvidenceEvent[] = []
  /** Responses that traces name, and ends of what auditors vouched for. */
  readonly #named = new Set<string>()
  readonly #kept: EvidenceEvent[] = []
  readonly #open = new Map<string, EvidenceEvent[]>()
  readonly #judged = new Map<string, JudgedSession>()
  #surroundings: Window["surroundings"] | undefined

  constructor(run: EventBody<"run_opened">, bank: Bank) {
    const { window_from_ms: fromMs, window_to_ms: toMs } = run.facts.measured
    this.#run = run
    this.#lookMs = Math.min(fromMs, daysBefore(toMs, bank.look_back_days))
    this.#complete = new Completeness(run)
  }

  /** Places that the run names and that hold no event, or two. */
  get missing(): number {
    return this.#complete.missing
  }

  look(each: EvidenceEvent): void {
    const { event } = each
    if (!this.#complete.covers(event)) return
    this.#complete.add(each)
    if (event.type === "gap") this.#gaps.push(each)
    if (event.type === "key_change" && event.facts.measured.action === "revoked")
      this.#stolen.add(event.facts.measured.kid)
    if (event.agent === this.#run.agent) for (const name of namedBy(event)) this.#named.add(name)
    if (event.session !== null) this.#lookAtSession(event, event.session)
  }

  #lookAtSession(event: Event, session: string): void {
    const kids = this.#kids.get(session) ?? new Set<string>()
    this.#kids.set(session, kids.add(event.kid))
    if (!isOfSession(event, this.#run.agent)) return
    const { lane, lseq, ts, type } = event
    const seen = this.#glimpses.get(session) ?? {
      lane,
      firstLseq: lseq,
      lastLseq: lseq,
      lastMs: ts,
      isSealed: false,
      isAnswered: false,
      isChecked: false,
      left: 0,
    }
    seen.lastLseq = lseq
    seen.lastMs = ts
    seen.isSealed = type === "session_seal"
    seen.isAnswered ||= isProviderAnswer(event)
    seen.isChecked ||= type === "outcome"
    seen.left++
    this.#glimpses.set(session, seen)
  }

  take(each: EvidenceEvent): void {
    const { event } = each
    if (!this.#complete.covers(event)) return
    if (isKept(event) || this.#named.has(each.hash) || this.#named.has(placeOf(event)))
      this.#kept.push(each)
    const { session } = event
    if (session === null || !isOfSession(event, this.#run.agent)) return
    const glimpse = this.#glimpses.get(session)
    if (glimpse === undefined || glimpse.lastMs < this.#lookMs) return
    const events = this.#open.get(session) ?? []
    this.#open.set(session, events)
    events.push(each)
    if (--glimpse.left > 0) return
    this.#open.delete(session)
    const isGapped = this.#isGapped(session, glimpse)
    const terms = { window: this.#surrounding(), isGapped }
    this.#judged.set(session, judgedSession(sessionOf(session, events), terms))
  }

  /** What it came to, once all events were taken. */
  window(): { readonly window: Window; readonly kept: readonly EvidenceEvent[] } {
    // In the order of their opening.
    const sessions = [...this.#glimpses.keys()].flatMap((id) => this.#judged.get(id) ?? [])
    const gapped = new Set(
      [...this.#glimpses].filter(([id, seen]) => this.#isGapped(id, seen)).map(([id]) => id),
    )
    const found = { sessions, gapped, surroundings: this.#surrounding(), lookMs: this.#lookMs }
    return { window: windowFrom(this.#run, this.#kept, found), kept: this.#kept }
  }

  /** Of the sessions that are looked back on. */
  #surrounding(): Window["surroundings"] {
    if (this.#surroundings !== undefined) return this.#surroundings
    const seen = [...this.#glimpses.values()].filter(({ lastMs }) => lastMs >= this.#lookMs)
    this.#surroundings = {
      isAnswered: seen.some(({ isAnswered }) => isAnswered),
      isChecked: seen.some(({ isChecked }) => isChecked),
    }
    return this.#surroundings
  }

  /**
   * Whether it was open in its lane when a gap was recorded, or is named by one, or a key signed in it that was stolen:
   * whatever time it says, nothing here shows that it was before.
   */
  #isGapped(id: string, seen: Glimpse): boolean {
    return (
      this.#gaps.some((gap) => isWithin(gap, id, seen)) ||
      [...(this.#kids.get(id) ?? [])].some((kid) => this.#stolen.has(kid))
    )
  }
}

/** The window of evidence that is at hand. */
export function windowOf(
  { run, events }: Evidence,
  bank: Bank,
): ReturnType<WindowFold["window"]> & { readonly missing: number } {
  const fold = new WindowFold(run, bank)
  for (const each of events) fold.look(each)
  for (const each of events) fold.take(each)
  return { ...fold.window(), missing: fold.missing }
}

function isWithin({ event }: EvidenceEvent, id: string, seen: Glimpse): boolean {
  if (event.session === id) return true
  const isOpen = seen.firstLseq < event.lseq && (!seen.isSealed || event.lseq < seen.lastLseq)
  return event.lane === seen.lane && isOpen
}

/** Hashes and places that are looked for because this names them. */
function namedBy(event: Event): readonly string[] {
  if (event.type === "trace_claim")
    return event.facts.measured.calls.flatMap(({ event_hash }) => event_hash ?? [])
  if (event.type !== "attestation") return []
  const { lane, first_aseq, last_aseq } = event.facts.measured
  return [first_aseq, last_aseq].map((aseq) => placeOf({ lane, agent: event.agent, aseq }))
}

function placeOf({ lane, agent, aseq }: Pick<Event, "lane" | "agent" | "aseq">): string {
  return `${lane} ${agent} ${aseq}`
}

/** What bears on more than its session. */
function isKept({ type, facts }: Event): boolean {
  if (type !== "audit") return keptTypes.has(type)
  const { code } = facts.measured as { readonly code: string }
  return code === "TRUST_BOUNDARY_VIOLATED" || code.startsWith("CONFIG_")
}

const keptTypes: ReadonlySet<string> = new Set([
  "claim",
  "ingest",
  "trace_claim",
  "attestation",
  "gap",
  "lease",
  "vault_generation",
  "config_change",
])
