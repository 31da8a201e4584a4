import {
  type Checkpoint,
  type CheckpointPin,
  evaluateWitnesses,
  type Finding,
  toHex,
  type Witnessing,
  type WitnessPolicy,
} from "@amc/core"
import type { FindingList } from "./finding-list.ts"

/** Whose cosignatures count for this verifier, and how old what they say may be. */
export interface WitnessTerms {
  /** The verifier's own; without one, time is the owner's word. */
  readonly policy?: WitnessPolicy | undefined
  /** A checkpoint of which nobody said for longer than this that it is the newest is stale. */
  readonly maxAgeMs?: number | undefined
  readonly nowMs: number
}

/** What the witnesses of the verifier's policy say of a checkpoint. */
export interface WitnessSummary {
  readonly witnesses: readonly {
    readonly name: string
    readonly first_ms: number
    readonly last_ms: number
  }[]
  /** `none` where the policy asks for no cosignature. */
  readonly quorum: "met" | "not-met" | "none"
  /** All that the checkpoint covers was there by then. */
  readonly since_ms: number | null
  /** Until then a quorum knew of no larger tree. */
  readonly latest_ms: number | null
}

/** What the policy's witnesses say of a note; a forged line in the name of one is a finding. */
export function checkWitnesses(
  note: string,
  subject: string,
  { policy, nowMs }: WitnessTerms,
  findings: FindingList,
): WitnessSummary | null {
  if (policy === undefined) return null
  const terms = { code: "witness/checkpoint", subject, tampered: false } as const
  const found = findings.attempt(terms, () => evaluateWitnesses(note, policy, nowMs))
  return found === undefined ? null : summaryOf(found, policy)
}

/** A quorum that saw a checkpoint vouches for it as one's own memory does (spec/root.md, rule 14). */
export function witnessedPins(
  { size, root }: Pick<Checkpoint, "size" | "root">,
  summary: WitnessSummary | null,
): readonly CheckpointPin[] {
  const since = summary?.since_ms ?? null
  return since === null ? [] : [{ size, root_sha256: toHex(root), seen_ms: since }]
}

/** That fewer cosigned than the verifier's policy asks for. */
export function quorumFindings(
  subject: string,
  { policy }: WitnessTerms,
  summary: WitnessSummary | null,
): readonly Finding[] {
  if (policy === undefined || policy.quorum === null || summary?.quorum === "met") return []
  const count = summary?.witnesses.length ?? 0
  const detail = `${count} of the ${policy.witnesses.length} witnesses of the policy cosigned it, which are not the quorum`
  return [{ code: "witness/quorum", subject, detail, tampered: false }]
}

/**
 * That a checkpoint is older than the verifier takes.
 *
 * @param assertedMs what the owner says of when it was made, which counts where no quorum says anything
 */
export function ageFindings(
  subject: string,
  { maxAgeMs, nowMs }: WitnessTerms,
  summary: WitnessSummary | null,
  assertedMs: number | null,
): readonly Finding[] {
  if (maxAgeMs === undefined) return []
  const latest = summary?.latest_ms ?? assertedMs
  const isAhead = latest !== null && latest - nowMs > skewMs
  if (latest !== null && !isAhead && nowMs - latest <= maxAgeMs) return []
  const detail =
    latest === null
      ? "nothing says how old it is"
      : isAhead
        ? `its time is ${hours(latest - nowMs)} ahead of this clock, and says nothing of how old it is`
        : `for ${hours(nowMs - latest)} nobody has said that it is the newest, and ${hours(maxAgeMs)} are allowed`
  return [{ code: "checkpoint/stale", subject, detail, tampered: false }]
}

/** How far the clock of who made it may be ahead of the verifier's. */
const skewMs = 5 * 60_000

function hours(ms: number): string {
  return `${Math.floor(ms / 3_600_000)} h ${Math.floor((ms % 3_600_000) / 60_000)} min`
}

function summaryOf(
  { witnesses, isMet, sinceMs, latestMs }: Witnessing,
  { quorum }: WitnessPolicy,
): WitnessSummary {
  return {
    witnesses: witnesses.map(({ label, firstMs, lastMs }) => ({
      name: label,
      first_ms: firstMs,
      last_ms: lastMs,
    })),
    quorum: quorum === null ? "none" : isMet ? "met" : "not-met",
    since_ms: sinceMs,
    latest_ms: latestMs,
  }
}
