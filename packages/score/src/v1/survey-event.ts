import { type FactType, type Tier, tierOf } from "@amc/core"
import type { EvidenceEvent } from "./evidence.ts"
import type { JudgedSession } from "./judged-session.ts"

/** A plain fact of an event; nested ones are left to `amc ledger show`. */
export type PlainFact = string | number | boolean

/** One event with its place and its plain facts, the measured ones apart from the reported ones. */
export interface SurveyedEvent {
  readonly hash: string
  readonly lane: string
  readonly lseq: number
  readonly ts: number
  readonly type: FactType
  readonly channel: string
  readonly agent: string
  readonly session: string | null
  readonly tier: Tier
  readonly measured: Readonly<Record<string, PlainFact>>
  readonly reported: Readonly<Record<string, PlainFact>>
}

/** Surveys events with the tiers that their sessions' seals give them. */
export class EventSurveyor {
  readonly #sessions: ReadonlyMap<string, JudgedSession>

  constructor(sessions: readonly JudgedSession[]) {
    this.#sessions = new Map(sessions.map((session) => [session.id, session]))
  }

  survey({ hash, event }: EvidenceEvent): SurveyedEvent {
    const { lane, lseq, ts, type, channel, agent, session, facts } = event
    const own = session === null ? undefined : this.#sessions.get(session)
    const posture = own?.isIsolated === true ? "measured" : "shared"
    return {
      hash,
      lane,
      lseq,
      ts,
      type,
      channel,
      agent,
      session,
      tier: tierOf(channel, { posture, hardened: own?.isHardened === true }),
      measured: plainFacts(facts.measured),
      reported: plainFacts(facts.reported),
    }
  }
}

function plainFacts(facts: object): Record<string, PlainFact> {
  return Object.fromEntries(
    Object.entries(facts).flatMap(([name, value]) => (isPlain(value) ? [[name, value]] : [])),
  )
}

function isPlain(value: unknown): value is PlainFact {
  return ["string", "number", "boolean"].includes(typeof value)
}
