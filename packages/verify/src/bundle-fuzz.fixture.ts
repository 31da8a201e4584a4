import { readArchive } from "@amc/bundle"
import { bundleManifestPath, equalBytes, isFault, parseBundleManifest } from "@amc/core"
import { type Dice, pick } from "@amc/testkit"
import { archiveEdits } from "./archive-edits.fixture.ts"
import { listAnew, mallory, withFiles, withManifestBy, world } from "./bundle-judge.fixture.ts"
import { bundleOf, makeRun, openRun, partsOf } from "./bundle.fixture.ts"
import { type VerifiedBundle, verifyBundle } from "./bundle.ts"
import { diffEvidence } from "./evidence-diff.ts"
import { fileEdits } from "./file-edits.fixture.ts"
import { consumer, policyFor, signedPolicy } from "./gate.fixture.ts"
import { verifyGate } from "./gate.ts"
import { recordSession } from "./lane.fixture.ts"
import { startMs } from "./world.fixture.ts"

/** Two honest bundles of one ledger. */
const originals: readonly [Uint8Array, Uint8Array] = await (async () => {
  const first = makeRun(world, 1)
  const before = await bundleOf(partsOf(first), world)
  recordSession(first.lane, "s-later")
  const second = { ...first, runOpened: openRun(first.lane, "run-2") }
  return [before, await bundleOf(partsOf(second, [4, 9]), world)] as const
})()

const policy = { rootSha256: world.rootSha256, atMs: startMs }
const accepted = await Promise.all(originals.map(read))
const gate = signedPolicy(policyFor(world))

async function read(bundle: Uint8Array): Promise<VerifiedBundle | null> {
  const verdict = await verifyBundle(bundle, policy)
  return verdict.accepted ? verdict.value : null
}

/** Who signs a changed bundle anew; nobody leaves the signatures as they were. */
export type Signing = "nobody" | "list" | "stranger" | "owner"

/** A bundle that somebody changed. */
export interface Mutant {
  readonly kind: string
  readonly signing: Signing
  readonly bytes: Uint8Array
}

/** The mutant of these dice; null where what they say can't be built. */
export async function mutantOf(dice: Dice): Promise<Mutant | null> {
  const at = dice() < 0.5 ? 0 : 1
  const [own, other] = at === 0 ? originals : [originals[1], originals[0]]
  if (dice() < 0.3) {
    const [kind, edit] = pick(dice, archiveEdits)
    return { kind, signing: "nobody", bytes: edit(own, dice, other) }
  }
  const [kind, edit] = pick(dice, fileEdits)
  const signing = pick(dice, ["nobody", "list", "stranger", "owner"] as const)
  const others = await readArchive(other)
  const change = (files: Map<string, Uint8Array>): void => void edit(files, dice, others)
  try {
    return { kind, signing, bytes: await signed(signing, change, own) }
  } catch (error) {
    // Names that no archive can hold, and manifests that nobody would sign.
    if (isFault(error)) return null
    throw error
  }
}

function signed(
  signing: Signing,
  change: (files: Map<string, Uint8Array>) => void,
  bundle: Uint8Array,
): Promise<Uint8Array> {
  if (signing === "owner") return withManifestBy(world.signers.auditor, change, bundle)
  if (signing === "stranger") return withManifestBy(mallory.signers.auditor, change, bundle)
  return withFiles((files) => {
    change(files)
    if (signing === "list") listAnew(files, world.signers.release)
  }, bundle)
}

/** What all who read bundles make of a mutant. */
export interface Judged {
  readonly isAccepted: boolean
  /** Whether nothing of it was changed after all. */
  readonly isOriginal: boolean
  /** What is wrong with that; null if nothing is. */
  readonly fault: string | null
}

/** Has a mutant verified, inspected, compared and gated. */
export async function judgeMutant({ signing, bytes }: Mutant): Promise<Judged> {
  const found = await read(bytes)
  const files = await inspect(bytes)
  const { bundles } = await verifyGate(
    { bundle: bytes, previous: originals[0], policy: gate },
    { rootSha256: consumer.rootSha256, nowMs: startMs, atMs: startMs },
  )
  const isAccepted = found !== null
  const isOriginal = originals.some((original) => equalBytes(original, bytes))
  const told = (fault: string | null): Judged => ({ isAccepted, isOriginal, fault })
  if ((bundles.length === 2) !== isAccepted) return told("the gate and the verifier disagree")
  if (found === null) return told(isOriginal ? "an honest bundle is refused" : null)
  if (files === null) return told("it is accepted, and can't be inspected")
  diffEvidence(found, accepted[0] as VerifiedBundle)
  if (isOriginal) return told(null)
  if (signing !== "owner") return told("a bundle that the owner did not sign is accepted")
  return told(saysTheSame(found) ? null : "what the owner signed anew says something else")
}

/** The owner may put the same evidence together otherwise, and say nothing else of the run. */
function saysTheSame({ summary, evidence }: VerifiedBundle): boolean {
  const same = accepted.find((one) => one?.summary.run_id === summary.run_id)
  const told = ({ report, events, agent, trust_label }: VerifiedBundle["summary"]): string =>
    JSON.stringify([report, events, agent, trust_label])
  const hashes = (of: VerifiedBundle["evidence"]): string =>
    [...of.events].map(({ hash }) => hash).join("\n")
  return (
    same !== undefined &&
    same !== null &&
    told(same.summary) === told(summary) &&
    hashes(same.evidence) === hashes(evidence)
  )
}

/** As `amc bundle inspect` does; null where it refuses. */
async function inspect(bytes: Uint8Array): Promise<readonly string[] | null> {
  try {
    const files = await readArchive(bytes)
    parseBundleManifest(files.get(bundleManifestPath) ?? new Uint8Array())
    return [...files.keys()]
  } catch (error) {
    if (isFault(error)) return null
    throw error
  }
}
