import { evidencePath, parseProofs, parseSlice, proofsPath, signaturesPath } from "@amc/bundle"
import {
  type Checkpoint,
  type EquationCheck,
  equalBytes,
  fromHex,
  type Keyring,
  rootsOfPart,
  type SignedLeaf,
  systemAgent,
  type TreePart,
} from "@amc/core"
import { attempt } from "./attempt.ts"
import type { BundleFiles } from "./bundle-files.ts"
import { ChainCheck } from "./chain-check.ts"
import type { FindingList } from "./finding-list.ts"
import type { SeenTrees } from "./seen-trees.ts"
import type { CheckedEvent } from "./session-check.ts"
import { ToldThefts } from "./told-thefts.ts"

/** By what the evidence of a bundle is judged. */
export interface EvidenceTerms {
  readonly keyring: Keyring
  readonly checkpoint: Checkpoint
  /** Told of each earlier tree that the proofs tell of. */
  readonly seen: SeenTrees
  /** Who decides the equation of a signature; absent for the platform. */
  readonly equation?: EquationCheck | undefined
}

/**
 * Reads the slices of a bundle: each event signed, chained from genesis, and in the tree of the
 * checkpoint. Whether a slice goes on beyond what is here, the opening of the run says.
 */
export function checkBundleEvidence(
  files: BundleFiles,
  terms: EvidenceTerms,
  findings: FindingList,
): readonly CheckedEvent[] {
  const thefts = new ToldThefts(terms.keyring)
  return files.contents.lanes.flatMap((lane) => {
    // The system's chain first: it tells of thefts.
    const [system, own] = [systemAgent, files.manifest.agent].map((agent) =>
      checkSlice(files, { lane, agent }, { ...terms, thefts }, findings),
    ) as [readonly CheckedEvent[], readonly CheckedEvent[]]
    const events = [...own, ...system]
    const proofs = findings.attempt(
      { code: "bundle/proofs", subject: proofsPath(lane), tampered: false },
      () => parseProofs(files.get(proofsPath(lane))),
    )
    if (events.length === 0) {
      findings.add({
        code: "bundle/empty-lane",
        subject: proofsPath(lane),
        detail: "the bundle has no event of this lane",
        tampered: false,
      })
    } else if (proofs !== undefined)
      checkProofs(files, lane, { ...terms, events, proofs }, findings)
    return events
  })
}

function checkSlice(
  files: BundleFiles,
  { lane, agent }: { lane: string; agent: string },
  { keyring, thefts, equation }: EvidenceTerms & { readonly thefts: ToldThefts },
  findings: FindingList,
): readonly CheckedEvent[] {
  const subject = evidencePath(lane, agent)
  const leaves = findings.attempt({ code: "bundle/entries", subject, tampered: false }, () =>
    sliceOf(files, lane, agent),
  )
  for (const { leaf } of leaves ?? []) thefts.note(leaf)
  const chain = new ChainCheck(
    { lane, agent, keyring, toldThefts: thefts.kids, equation },
    findings,
  )
  return (leaves ?? []).flatMap((leaf) => chain.add(leaf) ?? [])
}

/** The leaves of a chain in a bundle, unchecked. @throws {@link AmcError} `input/malformed` */
export function sliceOf({ get }: BundleFiles, lane: string, agent: string): readonly SignedLeaf[] {
  return parseSlice({
    entries: get(evidencePath(lane, agent)),
    signatures: get(signaturesPath(lane, agent)),
  })
}

interface LaneEvidence extends Omit<EvidenceTerms, "keyring"> {
  readonly events: readonly CheckedEvent[]
  readonly proofs: TreePart
}

function checkProofs(
  files: BundleFiles,
  lane: string,
  { events, proofs, checkpoint, seen }: LaneEvidence,
  findings: FindingList,
): void {
  const subject = proofsPath(lane)
  const inOrder = events.toSorted((a, b) => a.event.lseq - b.event.lseq)
  if (proofs.indices.length !== inOrder.length) {
    const detail = "it does not have one place for each event"
    findings.add({ code: "bundle/proofs", subject, detail, tampered: false })
    return
  }
  // With one lane an event's place in the lane is its place in the tree.
  const isAtPlace =
    files.contents.lanes.length > 1 ||
    proofs.indices.every((index, at) => index === inOrder[at]?.event.lseq)
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
