import { bundlePaths, readArchive } from "@amc/bundle"
import {
  type Finding,
  type GatePolicy,
  isAtLeast,
  isFault,
  parseDigestText,
  parseRoot,
  parseWitnessPolicy,
  rejected,
  rootFingerprint,
  sha256,
  toHex,
  utf8,
  type Verdict,
} from "@amc/core"
import {
  evaluateGate,
  type GateCheck,
  type GatedBundle,
  gateFinding,
  type GateOutcome,
  type JudgedRun,
  type PreviousRun,
  surveyRun,
} from "@amc/score"
import { type VerifiedBundle, verifyBundle } from "./bundle.ts"
import { exitOf, type VerdictExit } from "./exit.ts"
import { FindingList } from "./finding-list.ts"
import { type OpenedPolicy, openPolicy, type PolicyFile, type PolicyTerms } from "./gate-policy.ts"
import type { KnownTrust } from "./known-trust.ts"

/** What goes into a gate. Nothing is read from a bundle but evidence: a policy in one is never used. */
export interface GateInput {
  readonly bundle: Uint8Array
  /** Of an earlier run, for the rules that compare. */
  readonly previous?: Uint8Array | undefined
  readonly policy: PolicyFile
}

export interface GateTerms extends PolicyTerms {
  /** The time by the verifier's clock, which bounds what witnesses may say. */
  readonly nowMs: number
  /** What this verifier saw before under a producer's root. */
  readonly knownOf?: (rootSha256: string) => KnownTrust | undefined
}

/** A gate's outcome with what a verifier should remember of it. */
export interface GateVerdict {
  readonly outcome: GateOutcome
  /** 0 passed, 1 refused, 3 could not look, 4 tampered with; never 0 on what could not be read. */
  readonly exit: VerdictExit
  /** Null where the policy was not accepted. */
  readonly policy: OpenedPolicy | null
  /** The bundles that were accepted, whether they passed or not. */
  readonly bundles: readonly { readonly rootSha256: string; readonly bundle: VerifiedBundle }[]
}

/**
 * Judges a bundle by a consumer's signed policy (spec/policy.md). Total over any bytes of bundle and policy:
 * what does not hold is refused and says why.
 *
 * @throws {@link AmcError} what is wrong with the verifier's own memory
 */
export async function verifyGate(input: GateInput, terms: GateTerms): Promise<GateVerdict> {
  const findings = new FindingList()
  const opened = openPolicy(input.policy, terms, findings)
  if (opened === undefined) return refusal(terms, findings.all(), {})
  const { policy } = opened
  const current = await openRun(input.bundle, "bundle", policy, terms)
  const earlier =
    input.previous === undefined ? null : await openRun(input.previous, "previous", policy, terms)
  const wrong = [current, earlier].flatMap((run) =>
    run === null || run.accepted ? [] : run.findings,
  )
  const bundle = current.accepted ? current.value : null
  const previous = earlier?.accepted === true ? earlier.value : null
  if (bundle === null || wrong.length > 0)
    return refusal(terms, wrong, { opened, bundle, previous })
  return judge({ opened, bundle, previous }, terms)
}

/** A bundle that holds under one of the policy's roots, and its run. */
interface OpenedRun {
  readonly rootSha256: string
  readonly sha256: string
  readonly bundle: VerifiedBundle
}

interface Parts {
  readonly opened?: OpenedPolicy
  readonly bundle?: OpenedRun | null
  readonly previous?: OpenedRun | null
}

function judge(
  { opened, bundle, previous }: Required<Parts> & { readonly bundle: OpenedRun },
  terms: GateTerms,
): GateVerdict {
  const { runOpened } = bundle.bundle.evidence.run
  const checks = evaluateGate(opened.policy, {
    ...judged(bundle.bundle),
    atMs: terms.atMs,
    openedMs: runOpened.event.ts,
    previous: previous === null ? null : previousOf(previous, bundle),
  })
  const refused = checks.filter(({ passed }) => !passed).map(gateFinding)
  return conclude(terms, { opened, bundle, previous }, checks, refused)
}

function refusal(terms: GateTerms, findings: readonly Finding[], parts: Parts): GateVerdict {
  return conclude(terms, parts, [], findings)
}

function conclude(
  { atMs }: GateTerms,
  { opened, bundle = null, previous = null }: Parts,
  checks: readonly GateCheck[],
  findings: readonly Finding[],
): GateVerdict {
  const [first, ...rest] = findings
  const passed = first === undefined && checks.length > 0
  const outcome: GateOutcome = {
    schema: "amc.gate/v1",
    passed,
    at_ms: atMs,
    policy: opened?.summary ?? null,
    bundle: bundle === null ? null : gatedBundle(bundle),
    previous: previous === null ? null : gatedBundle(previous),
    checks,
    findings,
  }
  const exit = first === undefined ? (passed ? 0 : 1) : exitOf(rejected(first, ...rest))
  const bundles = [bundle, previous].filter((run) => run !== null)
  return { outcome, exit, policy: opened ?? null, bundles }
}

async function openRun(
  bytes: Uint8Array,
  which: "bundle" | "previous",
  policy: GatePolicy,
  { nowMs, atMs, knownOf }: GateTerms,
): Promise<Verdict<OpenedRun>> {
  const rootSha256 = await producerOf(bytes, policy)
  const { witnessPolicy: text } = policy
  const witnesses = {
    nowMs,
    policy: text === undefined ? undefined : parseWitnessPolicy(utf8(text)),
  }
  const known = knownOf?.(rootSha256)
  const verdict = await verifyBundle(bytes, { rootSha256, atMs, known, witnesses })
  if (verdict.accepted) {
    const digest = toHex(sha256(bytes))
    return { accepted: true, value: { rootSha256, sha256: digest, bundle: verdict.value } }
  }
  if (which === "bundle") return verdict
  const [first, ...rest] = verdict.findings.map(ofPrevious)
  return first === undefined ? verdict : rejected(first, ...rest)
}

function ofPrevious(finding: Finding): Finding {
  return { ...finding, subject: `previous bundle: ${finding.subject}` }
}

/** Which of the policy's roots the bundle says it is of: only a choice among those that count anyway. */
async function producerOf(bytes: Uint8Array, { producerRoots }: GatePolicy): Promise<string> {
  const named = await namedRoot(bytes)
  const root = producerRoots.find((each) => each === named) ?? producerRoots[0] ?? ""
  return toHex(parseDigestText(root))
}

async function namedRoot(bytes: Uint8Array): Promise<string | null> {
  try {
    const root = (await readArchive(bytes)).get(bundlePaths.firstRoot)
    return root === undefined ? null : rootFingerprint(parseRoot(root))
  } catch (error) {
    if (isFault(error)) return null
    throw error
  }
}

/** What a gate looks at in a verified bundle. */
function judged({ summary, evidence }: VerifiedBundle): JudgedRun {
  const { report, trust_label: label, witnessing } = summary
  return { report, label, quorum: witnessing?.quorum ?? null, observed: observedIn(evidence) }
}

/** The questions whose deciding events the monitor observed itself, all that the report names. */
function observedIn({ run, events }: VerifiedBundle["evidence"]): ReadonlySet<string> {
  const { report, runOpened } = run
  const { deciding } = surveyRun({ events: [...events], runOpened: runOpened.hash }, report)
  const seen = new Set(
    deciding.filter(({ tier }) => isAtLeast(tier, "OBSERVED")).map(({ hash }) => hash),
  )
  const found = report.questions.filter(
    (question) => question.events.length > 0 && question.events.every((hash) => seen.has(hash)),
  )
  return new Set(found.map(({ id }) => id))
}

function previousOf(previous: OpenedRun, current: OpenedRun): PreviousRun {
  return { ...judged(previous.bundle), place: placeOf(previous, current) }
}

/** Where a run stands among those that the evidence of a later one holds: none can be left out between them. */
function placeOf(previous: OpenedRun, current: OpenedRun): PreviousRun["place"] {
  const { run, notes } = current.bundle.evidence
  const { hash, event } = previous.bundle.evidence.run.runOpened
  const earlier = notes.openings.filter(
    ({ event: each, hash: of }) => each.agent === run.run.agent && of !== run.runOpened.hash,
  )
  if (previous.rootSha256 !== current.rootSha256 || !earlier.some((each) => each.hash === hash))
    return "elsewhere"
  const isLast = earlier.every((each) => each.hash === hash || each.event.ts <= event.ts)
  return isLast ? "last" : "earlier"
}

function gatedBundle({ sha256: digest, rootSha256, bundle }: OpenedRun): GatedBundle {
  const { summary, evidence } = bundle
  const { report } = summary
  return {
    sha256: digest,
    workspace: summary.workspace,
    root: `sha256:${rootSha256}`,
    agent: summary.agent,
    run_id: summary.run_id,
    opened_ms: evidence.run.runOpened.event.ts,
    trust_label: summary.trust_label,
    integrity_index: report.integrity_index,
    overall: report.overall,
    posture: report.posture,
    upstreams: report.upstreams,
  }
}
