import type { Finding } from "@amc/core"
import {
  type BundleSummary,
  type EquationsAhead,
  exitOf,
  type GivenTrust,
  memoryAfter,
  pinsOf,
  mergedTrust,
  type RememberedTrust,
  type VerdictLine,
  verdictLines,
  verifyBundle,
  type WitnessTerms,
} from "@amc/verify"

/** What somebody asks of a bundle: whom they trust, and what they saw before. Nothing of it comes from the bundle. */
export interface Question {
  readonly trust: GivenTrust
  /** What was seen before under this root; undefined for who remembers nothing. */
  readonly memory?: RememberedTrust | undefined
  /** The clock of who asks. */
  readonly nowMs: number
  /** The time that expiry is judged at. */
  readonly atMs: number
  readonly witnesses?: Omit<WitnessTerms, "nowMs">
  /** Who looks at signatures ahead; absent for the platform. */
  readonly equationOf?: EquationsAhead
  /** A consistency proof to a tree that was seen. */
  readonly proof?: Uint8Array | undefined
}

/** What there is to say. */
export interface Answer {
  readonly exit: number
  readonly lines: readonly VerdictLine[]
  /** What an accepted bundle says; null otherwise, so that nobody reads what was refused. */
  readonly summary: BundleSummary | null
  readonly findings: readonly Finding[]
  /** What to remember from now on; null where there is nothing new that holds. */
  readonly memory: RememberedTrust | null
}

/**
 * Verifies a bundle for the program and for the page. Total over any bytes.
 *
 * @throws {@link AmcError} `input/malformed` if what was given as trust does not hold
 */
export async function answer(bytes: Uint8Array, question: Question): Promise<Answer> {
  const { trust, memory, nowMs, atMs, proof, equationOf } = question
  const { rootSha256 } = trust
  const known = mergedTrust(trust, memory)
  const witnesses = { ...question.witnesses, nowMs }
  const verdict = await verifyBundle(bytes, {
    rootSha256,
    atMs,
    known,
    witnesses,
    proof,
    equationOf,
  })
  const told = { exit: exitOf(verdict), lines: verdictLines(verdict) }
  if (!verdict.accepted) {
    // What the owners signed is remembered whatever becomes of the bundle: it may tell of a theft.
    const kept = "roots" in trust ? memoryAfter(memory, { ...trust, pins: [] }, rootSha256) : null
    return { ...told, summary: null, findings: verdict.findings, memory: kept }
  }
  const { summary, trust: seen } = verdict.value
  const pins = pinsOf(verdict.value, nowMs)
  return {
    ...told,
    summary,
    findings: [],
    memory: memoryAfter(memory, { ...seen, pins }, rootSha256),
  }
}
