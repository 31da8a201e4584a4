import type { Channel, MeasuredFacts, ObservationOf, Recorded, Recorder } from "@amc/core"

/** A session and the agent it is about. */
export interface SessionName {
  readonly agent: string
  readonly session: string
}

/** How a session ended; the range that the seal closes is filled in by the writer. */
export type SealTerms = Pick<MeasuredFacts<"session_seal">, "reason" | "posture" | "hardened">

const filledInLater = {
  first_aseq: 0,
  last_aseq: 0,
  events: 0,
  last_event_hash: "0".repeat(64),
}

/** Opens a session, before its agent starts. @throws {@link AmcError} as {@link Recorder.record} */
export function openSession(
  recorder: Recorder,
  { agent, session }: SessionName,
  measured: MeasuredFacts<"session_open">,
  channel: Channel = "session",
): Promise<Recorded> {
  const facts = { measured, reported: {} }
  return recorder.record({ type: "session_open", channel, agent, session, facts })
}

/**
 * Seals a session: a signed event over its number of events and the last one's hash, which the writer
 * fills in at the seal's place in the order. Nothing of the session is recorded afterwards.
 *
 * @throws {@link AmcError} as {@link Recorder.record}; `ledger/closed` if it was sealed before.
 */
export function sealSession(
  recorder: Recorder,
  name: SessionName,
  terms: SealTerms,
): Promise<Recorded> {
  return recorder.record(sealOf(name, terms, "session"))
}

/** The observation of a seal. */
export function sealOf(
  { agent, session }: SessionName,
  { reason, posture, hardened }: SealTerms,
  channel: Channel,
): ObservationOf<"session_seal"> {
  const measured = { reason, posture, hardened, ...filledInLater }
  return { type: "session_seal", channel, agent, session, facts: { measured, reported: {} } }
}
