import { evidencePath, parseProofs, parseSlice, proofsPath, signaturesPath } from "@amc/bundle"
import {
  type Checkpoint,
  eachEntry,
  type EquationCheck,
  equalBytes,
  eventHash,
  fromHex,
  type Keyring,
  parseEvent,
  rootsOfPart,
  type SignedLeaf,
  systemAgent,
  type TreePart,
} from "@amc/core"
import { attempt } from "./attempt.ts"
import type { BundleFiles } from "./bundle-files.ts"
import { ChainCheck } from "./chain-check.ts"
import { EvidenceNotes } from "./evidence-notes.ts"
import type { FindingList } from "./finding-list.ts"
import type { SeenTrees } from "./seen-trees.ts"
import type { CheckedEvent } from "./session-check.ts"
import { hasThefts, ToldThefts } from "./told-thefts.ts"

/** By what the evidence of a bundle is judged. */
export interface EvidenceTerms {
  readonly keyring: Keyring
  readonly checkpoint: Checkpoint
  /** Told of each earlier tree that the proofs tell of. */
  readonly seen: SeenTrees
  /** Who decides the equation of a signature; absent for the platform. */
  readonly equation?: EquationCheck | undefined
}

/** The evidence of a bundle: what was noted of it, and its events for who goes on with them. */
export interface BundleEvents {
  readonly notes: EvidenceNotes
  readonly events: Iterable<CheckedEvent>
}

/**
 * Reads the slices of a bundle: each event signed, chained from genesis, and in the tree of the
 * checkpoint. Whether a slice goes on beyond what is here, the opening of the run says.
 */
export function checkBundleEvidence(
  files: BundleFiles,
  terms: EvidenceTerms,
  findings: FindingList,
): BundleEvents {
  const thefts = new ToldThefts(terms.keyring)
  const notes = new EvidenceNotes()
  for (const lane of files.contents.lanes) {
    // The system's chain first: it tells of thefts.
    const [system, own] = [systemAgent, files.manifest.agent].map((agent) =>
      checkSlice(files, { lane, agent }, { ...terms, thefts }, findings),
    ) as [CheckedSlice, CheckedSlice]
    notes.join(own.notes)
    notes.join(system.notes)
    const proofs = findings.attempt(
      { code: "bundle/proofs", subject: proofsPath(lane), tampered: false },
      () => parseProofs(files.get(proofsPath(lane))),
    )
    const places = [...own.places, ...system.places]
    if (places.length === 0) {
      findings.add({
        code: "bundle/empty-lane",
        subject: proofsPath(lane),
        detail: "the bundle has no event of this lane",
        tampered: false,
      })
    } else if (proofs !== undefined)
      checkProofs(files, lane, { ...terms, places, proofs }, findings)
  }
  return { notes, events: { [Symbol.iterator]: () => eventsOf(files) } }
}

/** Where an event is in its lane. */
interface EventPlace {
  readonly lseq: number
  readonly hash: string
}

interface CheckedSlice {
  readonly notes: EvidenceNotes
  readonly places: readonly EventPlace[]
}

function checkSlice(
  files: BundleFiles,
  { lane, agent }: { lane: string; agent: string },
  { keyring, thefts, equation }: EvidenceTerms & { readonly thefts: ToldThefts },
  findings: FindingList,
): CheckedSlice {
  const subject = evidencePath(lane, agent)
  const leaves =
    findings.attempt({ code: "bundle/entries", subject, tampered: false }, () =>
      sliceOf(files, lane, agent),
    ) ?? []
  if (hasThefts(keyring)) for (const { leaf } of leaves) thefts.note(leaf)
  const terms = { lane, agent, keyring, toldThefts: thefts.kids, equation }
  const chain = new ChainCheck(terms, findings)
  const [notes, places] = [new EvidenceNotes(), [] as EventPlace[]]
  for (const leaf of leaves) {
    const checked = chain.add(leaf)
    if (checked === undefined) continue
    notes.note(checked)
    places.push({ lseq: checked.event.lseq, hash: checked.hash })
  }
  return { notes, places }
}

/** The events of a bundle whose leaves can all be read, in the order of {@link Evidence}. */
function* eventsOf(files: BundleFiles): Generator<CheckedEvent, void, undefined> {
  for (const lane of files.contents.lanes.toSorted()) {
    const [own, system] = [files.manifest.agent, systemAgent].map((agent) =>
      chainOf(files.get(evidencePath(lane, agent))),
    ) as [Generator<CheckedEvent, void>, Generator<CheckedEvent, void>]
    let [ours, theirs] = [own.next(), system.next()]
    while (ours.done !== true || theirs.done !== true) {
      const isOurs =
        theirs.done === true ||
        (ours.done !== true && ours.value.event.lseq <= theirs.value.event.lseq)
      const next = isOurs ? ours : theirs
      if (next.done !== true) yield next.value
      if (isOurs) ours = own.next()
      else theirs = system.next()
    }
  }
}

function* chainOf(entries: Uint8Array): Generator<CheckedEvent, void, undefined> {
  for (const leaf of eachEntry(entries)) yield { hash: eventHash(leaf), event: parseEvent(leaf) }
}

/** The leaves of a chain in a bundle, unchecked. @throws {@link AmcError} `input/malformed` */
export function sliceOf({ get }: BundleFiles, lane: string, agent: string): Iterable<SignedLeaf> {
  return parseSlice({
    entries: get(evidencePath(lane, agent)),
    signatures: get(signaturesPath(lane, agent)),
  })
}

interface LaneEvidence extends Omit<EvidenceTerms, "keyring"> {
  readonly places: readonly EventPlace[]
  readonly proofs: TreePart
}

function checkProofs(
  files: BundleFiles,
  lane: string,
  { places, proofs, checkpoint, seen }: LaneEvidence,
  findings: FindingList,
): void {
  const subject = proofsPath(lane)
  const inOrder = places.toSorted((a, b) => a.lseq - b.lseq)
  if (proofs.indices.length !== inOrder.length) {
    const detail = "it does not have one place for each event"
    findings.add({ code: "bundle/proofs", subject, detail, tampered: false })
    return
  }
  // With one lane an event's place in the lane is its place in the tree.
  const isAtPlace =
    files.contents.lanes.length > 1 ||
    proofs.indices.every((index, at) => index === inOrder[at]?.lseq)
  const hashes = inOrder.map(({ hash }) => fromHex(hash))
  // None for a part that fits no tree of this size.
  const roots = attempt(() => rootsOfPart(hashes, proofs, checkpoint.size, seen.sizes))
  const root = roots?.get(checkpoint.size)
  if (isAtPlace && root !== undefined && equalBytes(root, checkpoint.root)) {
    for (const [size, earlier] of roots ?? []) seen.note(size, earlier)
    return
  }
  const detail = "the checkpoint's tree does not have the lane's events there"
  findings.add({ code: "bundle/not-included", subject, detail, tampered: true })
}
