import type { Finding, Verdict } from "@amc/core"
import type { BundleSummary, VerifiedBundle } from "./bundle.ts"
import type { WitnessSummary } from "./witness-check.ts"

/** The questions that a bundle is asked, each answered by a line of its own. */
export const verdictAspects = [
  "integrity",
  "signer",
  "time",
  "completeness",
  "redactions",
  "score",
] as const
export type VerdictAspect = (typeof verdictAspects)[number]

/** One answer. Where another check failed first, nothing is known. */
export interface VerdictLine {
  readonly aspect: VerdictAspect
  readonly state: "holds" | "fails" | "unknown"
  readonly text: string
}

/** What a verdict on a bundle comes to, question by question. None of them stands for another. */
export function verdictLines(
  verdict: Verdict<Pick<VerifiedBundle, "summary" | "checkpoint">>,
): readonly VerdictLine[] {
  if (!verdict.accepted) return verdictAspects.map((aspect) => rejected(aspect, verdict.findings))
  const texts = textsOf(verdict.value)
  return verdictAspects.map((aspect) => ({ aspect, state: "holds", text: texts[aspect] }))
}

/** Which question a finding answers. */
export function aspectOf({ code }: Pick<Finding, "code">): VerdictAspect {
  const of = aspects.find(([pattern]) => pattern.test(code))
  return of?.[1] ?? "integrity"
}

const aspects: readonly (readonly [RegExp, VerdictAspect])[] = [
  [/^(?:score\/|run\/(?:not-reproducible|report-))/u, "score"],
  [/^(?:bundle\/payload-missing|ledger\/(?:prune-refused|blob-missing))$/u, "redactions"],
  [/^(?:witness\/|checkpoint\/|trust\/.*-expired$)/u, "time"],
  [/^(?:trust|config)\//u, "signer"],
  [
    /^bundle\/(?:unknown-root|root-malformed|key-certificate|another-workspace|manifest-signature|sums-signature|checkpoint)$/u,
    "signer",
  ],
  [/^(?:ledger\/(?:unknown-key|signature-invalid)|run\/seal-invalid)$/u, "signer"],
  [/^(?:run\/|session\/|bundle\/(?:another-|beyond-|config-|empty-))/u, "completeness"],
  [
    /^ledger\/(?:forked|not-extended|agent-broken|truncated|rolled-back|run-seal)$/u,
    "completeness",
  ],
]

function rejected(aspect: VerdictAspect, findings: readonly Finding[]): VerdictLine {
  const own = findings.filter((finding) => aspectOf(finding) === aspect)
  const [first] = own.toSorted((a, b) => Number(b.tampered) - Number(a.tampered))
  if (first === undefined)
    return { aspect, state: "unknown", text: "not established, since another check failed" }
  const more = own.length > 1 ? ` (and ${own.length - 1} more)` : ""
  const text = `${first.tampered ? "tampered with: " : ""}${first.subject}: ${first.detail}${more}`
  return { aspect, state: "fails", text }
}

function textsOf({
  summary,
  checkpoint,
}: Pick<VerifiedBundle, "summary" | "checkpoint">): Readonly<Record<VerdictAspect, string>> {
  const { workspace, origin, agent, run_id, events, rootFingerprint, report } = summary
  return {
    integrity: `${events} events, each signed, chained and in the tree of ${checkpoint.size} of ${origin}`,
    signer: `keys of workspace ${workspace}, certified by root ${rootFingerprint}`,
    time: timeText(summary.witnessing),
    completeness: `all of agent ${agent} from its first event to the opening of ${run_id}${seenText(summary)}`,
    redactions: redactionText(summary),
    score: `the report was made again from the evidence and is the sealed one (${report.engine})`,
  }
}

function timeText(witnessing: WitnessSummary | null): string {
  if (witnessing === null || witnessing.quorum === "none")
    return "self-asserted: only the owner says when this was"
  const since = witnessing.since_ms === null ? "" : ` by ${utc(witnessing.since_ms)}`
  return `a quorum of your witnesses (${witnessing.witnesses.length}) had seen all of it${since}`
}

function seenText({ checkpoints: { seen, extended } }: BundleSummary): string {
  return seen === 0
    ? ""
    : `; one history with ${extended} of the ${seen} trees that were seen before`
}

function redactionText({ payloads: { named, held, withheld }, pruned }: BundleSummary): string {
  const counts = [
    `${held} of ${named} payloads are here`,
    ...(withheld > 0 ? [`${withheld} withheld, their digests are in the evidence`] : []),
    ...(pruned > 0 ? [`of ${pruned} events let go by the owner's signed retention policy`] : []),
  ]
  return named === 0 ? "no event names a stored payload" : counts.join("; ")
}

/** A time in UTC, to the second. */
function utc(ms: number): string {
  // oxlint-disable-next-line no-restricted-globals -- it spells a given time and asks for none
  return `${new Date(ms).toISOString().slice(0, 19)}Z`
}
