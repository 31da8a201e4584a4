import {
  isFault,
  type NoteVerifier,
  parseCheckpoint,
  parseNote,
  parseTlogProof,
  text,
  type Verdict,
} from "@amc/core"
import { type EventProofSummary, type GivenTrust, mergedTrust, verifyEventProof } from "@amc/verify"
import { rememberedRoot } from "./remembered-root.ts"
import type { StateHome } from "./state-home.ts"
import { recallTrust, rememberVerified } from "./verifier-memory.ts"

export interface VerifyProofTerms {
  readonly state: StateHome
  /** What was given out of band; null to take what this machine remembers of the proof's workspace. */
  readonly trust: GivenTrust | { readonly verifiers: readonly NoteVerifier[] } | null
  readonly receipt?: string | undefined
  readonly eventHash?: string | undefined
  readonly body?: Uint8Array | undefined
  readonly nowMs: number
  /** The time that expiry is judged at. */
  readonly atMs: number
  /** Told what could not be remembered. */
  readonly warn: (text: string) => void
}

/**
 * Verifies a proof against what was given, or against the root that this machine remembers. Of what was accepted
 * under a root, root, revocations and checkpoint are remembered, so that a later one can't go back behind them.
 *
 * @throws {@link AmcError} `usage/invalid` if there is nothing to trust
 */
export function verifyProofHere(
  bytes: Uint8Array,
  terms: VerifyProofTerms,
): Verdict<EventProofSummary> {
  const { state, receipt, eventHash, body, atMs } = terms
  const asked = { receipt, eventHash, body }
  if (terms.trust !== null && "verifiers" in terms.trust)
    return summaryOf(verifyEventProof(bytes, { ...asked, trust: terms.trust }))
  const trust = terms.trust ?? { rootSha256: rememberedRoot(namedWorkspace(bytes), state) }
  const { rootSha256 } = trust
  const known = mergedTrust(trust, recallTrust(state, rootSha256))
  // What the owners signed is remembered whatever becomes of the proof: it may tell of a theft.
  if (known !== undefined && "roots" in trust) rememberVerified(known, [], rootSha256, terms)
  const verdict = verifyEventProof(bytes, { ...asked, trust: { rootSha256, known, atMs } })
  if (verdict.accepted && verdict.value.trust !== null) {
    const { trust: seen, summary } = verdict.value
    rememberVerified(seen, [{ ...summary.checkpoint, seen_ms: terms.nowMs }], rootSha256, terms)
  }
  return summaryOf(verdict)
}

function summaryOf(verdict: ReturnType<typeof verifyEventProof>): Verdict<EventProofSummary> {
  return verdict.accepted ? { accepted: true, value: verdict.value.summary } : verdict
}

/** What the proof calls itself: only good enough to look up what was pinned. */
function namedWorkspace(bytes: Uint8Array): string {
  try {
    const { origin } = parseCheckpoint(parseNote(parseTlogProof(text(bytes)).checkpoint).text)
    return origin.slice(0, Math.max(0, origin.lastIndexOf("/")))
  } catch (error) {
    if (isFault(error)) return ""
    throw error
  }
}
