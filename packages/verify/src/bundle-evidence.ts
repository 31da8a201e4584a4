import { evidencePath, type LeafProof, parseProofs, proofsPath } from "@amc/bundle"
import {
  type Checkpoint,
  fromHex,
  type Keyring,
  parseEntries,
  systemAgent,
  verifyInclusion,
} from "@amc/core"
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
  /** Told of each event that is in the tree. */
  readonly seen: SeenTrees
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
    if (events.length === 0)
      findings.add({
        code: "bundle/empty-lane",
        subject: proofsPath(lane),
        detail: "the bundle has no event of this lane",
        tampered: false,
      })
    if (proofs !== undefined) checkProofs(files, lane, { ...terms, events, proofs }, findings)
    return events
  })
}

function checkSlice(
  files: BundleFiles,
  { lane, agent }: { lane: string; agent: string },
  { keyring, thefts }: EvidenceTerms & { readonly thefts: ToldThefts },
  findings: FindingList,
): readonly CheckedEvent[] {
  const subject = evidencePath(lane, agent)
  const leaves = findings.attempt({ code: "bundle/entries", subject, tampered: false }, () =>
    parseEntries(files.get(subject)),
  )
  for (const leaf of leaves ?? []) thefts.note(leaf)
  const chain = new ChainCheck({ lane, agent, keyring, toldThefts: thefts.kids }, findings)
  return (leaves ?? []).flatMap((leaf) => chain.add(leaf) ?? [])
}

interface LaneEvidence extends Omit<EvidenceTerms, "keyring"> {
  readonly events: readonly CheckedEvent[]
  readonly proofs: readonly LeafProof[]
}

function checkProofs(
  files: BundleFiles,
  lane: string,
  { events, proofs, checkpoint, seen }: LaneEvidence,
  findings: FindingList,
): void {
  const inOrder = [...events].sort((a, b) => a.event.lseq - b.event.lseq)
  if (proofs.length !== inOrder.length) {
    findings.add({
      code: "bundle/proofs",
      subject: proofsPath(lane),
      detail: "it does not have one proof for each event",
      tampered: false,
    })
    return
  }
  // With one lane an event's place in the lane is its place in the tree.
  const isOnlyLane = files.contents.lanes.length === 1
  for (const [at, { hash, event }] of inOrder.entries()) {
    const { index: leafIndex, path } = proofs[at] as LeafProof
    const isAtPlace = !isOnlyLane || leafIndex === event.lseq
    const [leafHash, proof] = [fromHex(hash), { leafIndex, treeSize: checkpoint.size, path }]
    if (isAtPlace && verifyInclusion(leafHash, proof, checkpoint.root)) {
      seen.noteLeaf(leafHash, proof)
      continue
    }
    const subject = `event ${event.aseq} of ${event.agent} in lane ${lane}`
    findings.add({
      code: "bundle/not-included",
      subject,
      detail: "the checkpoint's tree does not have it there",
      tampered: true,
    })
  }
}
