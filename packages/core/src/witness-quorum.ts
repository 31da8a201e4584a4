import { openCosignatures } from "./cosignature.ts"
import { openNote } from "./note.ts"
import type { PolicyWitness, WitnessGroup, WitnessPolicy } from "./witness-policy.ts"

/** A witness of a policy that cosigned a checkpoint, once or more. */
export interface WitnessSeen {
  readonly label: string
  /** Its first and its last cosignature of this checkpoint, in milliseconds since 1970. */
  readonly firstMs: number
  readonly lastMs: number
}

/** How far a witness's clock may be ahead of the verifier's. */
const skewMs = 5 * 60_000

/** What the witnesses of a policy say of a checkpoint. */
export interface Witnessing {
  readonly witnesses: readonly WitnessSeen[]
  /** Whether as many cosigned as the policy asks for; with a policy that asks for none, this says nothing of time. */
  readonly isMet: boolean
  /** When the quorum was complete for the first time: all that the checkpoint covers was there by then. */
  readonly sinceMs: number | null
  /** Up to when a quorum knew of no larger tree. */
  readonly latestMs: number | null
}

/**
 * Evaluates a note by a policy at a time. Each witness counts once, however many lines or keys bear its
 * name. A cosignature from after `nowMs` does not count, but for what clocks may differ.
 *
 * @throws {@link AmcError} `input/malformed`; `note/bad-signature` if any line with the name and id of one of the
 * policy's keys does not verify; `note/untrusted` if the policy names logs and none of them signed
 */
export function evaluateWitnesses(note: string, policy: WitnessPolicy, nowMs: number): Witnessing {
  if (policy.logs.length > 0) openNote(note, policy.logs)
  const verifiers = policy.witnesses.map(({ verifier }) => verifier)
  // One by one, so that two witnesses of one name are not taken for each other.
  const witnesses = policy.witnesses.flatMap(({ label }, at) => {
    const found = openCosignatures(note, verifiers.slice(at, at + 1))
    const times = found.map(({ time }) => lastMsOf(time)).filter((ms) => ms <= nowMs + skewMs)
    return times.length === 0
      ? []
      : [{ label, firstMs: Math.min(...times), lastMs: Math.max(...times) }]
  })
  const seen = new Map(witnesses.map((witness) => [witness.label, witness]))
  const { quorum } = policy
  if (quorum === null) return { witnesses, isMet: true, sinceMs: null, latestMs: null }
  const sinceMs = firstOf(quorum, seen)
  return { witnesses, isMet: sinceMs !== null, sinceMs, latestMs: lastOf(quorum, seen) }
}

/** A time in seconds says that it was then at the latest when the second ended. */
function lastMsOf(seconds: number): number {
  return seconds * 1000 + 999
}

type Seen = ReadonlyMap<string, WitnessSeen>
type Member = PolicyWitness | WitnessGroup

/** A group has witnessed when the last one that its threshold needs has. */
function firstOf(member: Member, seen: Seen): number | null {
  if ("label" in member) return seen.get(member.label)?.firstMs ?? null
  const times = member.members.flatMap((each) => firstOf(each, seen) ?? [])
  return times.sort((a, b) => a - b)[member.threshold - 1] ?? null
}

function lastOf(member: Member, seen: Seen): number | null {
  if ("label" in member) return seen.get(member.label)?.lastMs ?? null
  const times = member.members.flatMap((each) => lastOf(each, seen) ?? [])
  return times.sort((a, b) => b - a)[member.threshold - 1] ?? null
}
