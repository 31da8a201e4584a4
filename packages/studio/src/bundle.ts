import { closeSync, openSync, writeFileSync } from "node:fs"
import { AmcError, type FactType, type SignedLeaf, treePartOf } from "@amc/core"
import { type BundledLane, type BundleParts, buildBundle } from "@amc/bundle"
import type { SqliteLedger } from "@amc/store-sqlite"
import { readTrustFiles } from "@amc/vault"
import { verifyBundle } from "@amc/verify"
import { configsOf } from "./config-list.ts"
import { earlierTrees } from "./earlier-trees.ts"
import { eventOf, withLedger } from "./ledger-reader.ts"
import { withNotary } from "./notary-session.ts"
import { leafHashesOf } from "./prove-trees.ts"
import { findRunOpened } from "./run-place.ts"
import { readRunSlice, type RunSlice } from "./run-slice.ts"
import { loadRun, openStoredRun } from "./run-store.ts"
import type { Workspace } from "./workspace.ts"

export interface BundleTerms {
  readonly agent: string
  readonly runId: string
  readonly clock: () => number
  /** Whether the bundle holds the stored payloads, which are what agent and models said. Their digests are in it anyway. */
  readonly withPayloads?: boolean
}

/**
 * Puts a run and all its evidence into one file. What can't be verified is not handed out: the bundle is
 * checked as a stranger would check it before it is given.
 *
 * @throws {@link AmcError} `run/unknown`, `run/not-reproducible`, `vault/locked`, `usage/invalid`
 */
export async function exportBundle(
  workspace: Workspace,
  { agent, runId, clock, withPayloads = false }: BundleTerms,
): Promise<Uint8Array> {
  const stored = loadRun(workspace.dir, runId)
  const { seal } = openStoredRun(stored, workspace.keyring)
  if (seal.run.agent !== agent)
    throw new AmcError("usage/invalid", `${runId} is about ${seal.run.agent}, not ${agent}`)
  const { lane, payloads, ...words } = await withLedger(workspace, async (ledger) => {
    const lane = await laneOf(ledger, workspace.lane, runId, seal.run.checkpoint.size)
    const wordsOf = (type: FactType): Promise<Uint8Array[]> =>
      payloadsOf(ledger, lane.systemLeaves, type)
    const [changes, policies] = [await wordsOf("config_change"), await wordsOf("payload_prune")]
    const attestations = await payloadsOf(ledger, lane.agentLeaves, "attestation")
    const payloads = withPayloads ? await agentPayloads(ledger, lane.agentLeaves) : null
    return { lane, changes, policies, attestations, payloads }
  })
  const named = new Set(lane.systemLeaves.map(configNamedBy))
  const parts: BundleParts = {
    workspace: workspace.workspace,
    origin: workspace.origin,
    agent,
    run_id: runId,
    checkpoint: stored.checkpoint,
    lanes: [lane],
    report: stored.report,
    seal: stored.seal,
    ...trustFiles(workspace.dir),
    configs: configsOf(workspace, agent).filter(({ path }) => named.has(path)),
    ...words,
    payloads,
  }
  const bytes = await withNotary(workspace, (notary) =>
    buildBundle(parts, {
      manifest: (manifest) => notary.signBundleManifest(manifest),
      sums: (sums) => notary.signBundleSums(sums),
    }),
  )
  await requireAccepted(bytes, workspace, clock())
  return bytes
}

/** Only what steered the run belongs to it: a config of today may have come later. */
function configNamedBy({ leaf }: SignedLeaf): string | undefined {
  const event = eventOf(leaf)
  return event.type === "config_change" ? event.facts.measured.path : undefined
}

/** The payloads of the events of a type in the slice, each once. */
function payloadsOf(
  ledger: SqliteLedger,
  leaves: readonly SignedLeaf[],
  of: FactType,
): Promise<Uint8Array[]> {
  return blobsOf(
    ledger,
    namedBy(leaves, (type) => type === of),
  )
}

/** All others of the agent's. Those that are gone may have been pruned, which the verifier judges. */
async function agentPayloads(
  ledger: SqliteLedger,
  leaves: readonly SignedLeaf[],
): Promise<Uint8Array[]> {
  const digests = namedBy(leaves, (type) => type !== "attestation")
  if (digests.size > payloadsMax)
    throw tooMuch(`the run has ${digests.size} payloads, and a bundle may hold ${payloadsMax}`)
  const found = await blobsOf(ledger, digests)
  const size = found.reduce((sum, { length }) => sum + length, 0)
  if (size > payloadBytesMax) throw tooMuch(`the run's payloads have ${size} bytes`)
  return found
}

const payloadsMax = 3500
const payloadBytesMax = 192 * 1024 * 1024

function tooMuch(what: string): AmcError {
  return new AmcError("input/too-large", what, { hint: "withhold them with --redact payloads" })
}

function namedBy(
  leaves: readonly SignedLeaf[],
  isWanted: (type: FactType) => boolean,
): ReadonlySet<string> {
  const digests = leaves.flatMap(({ leaf }) => {
    const { type, payload } = eventOf(leaf)
    return isWanted(type) ? (payload?.blob_sha256 ?? []) : []
  })
  return new Set(digests)
}

async function blobsOf(
  { blobs }: SqliteLedger,
  digests: ReadonlySet<string>,
): Promise<Uint8Array[]> {
  const found: Uint8Array[] = []
  for (const sha256 of digests) {
    const bytes = await blobs.get(sha256)
    if (bytes !== null) found.push(bytes)
  }
  return found
}

async function requireAccepted(
  bytes: Uint8Array,
  { rootSha256 }: Workspace,
  now: number,
): Promise<void> {
  const verdict = await verifyBundle(bytes, { rootSha256, atMs: now })
  if (verdict.accepted) return
  const [{ code, subject, detail }] = verdict.findings
  throw new AmcError(
    "run/not-reproducible",
    `a verifier would reject this bundle: ${code}: ${subject}: ${detail}`,
    { hint: "see 'amc verify'" },
  )
}

async function laneOf(
  ledger: SqliteLedger,
  lane: string,
  runId: string,
  treeSize: number,
): Promise<BundledLane> {
  const slice = await readRunSlice(ledger, await findRunOpened(ledger, lane, runId))
  return {
    lane,
    agentLeaves: slice.agent,
    systemLeaves: slice.system,
    proofs: treePartOf(await leafHashesOf(ledger, lane, treeSize), {
      indices: indicesOf(slice),
      sizes: await earlierTrees(ledger, lane, treeSize),
    }),
  }
}

/** With one lane the index in the tree is the place in the lane. */
function indicesOf({ agent, system }: RunSlice): number[] {
  return [...agent, ...system].map(({ leaf }) => eventOf(leaf).lseq).sort((a, b) => a - b)
}

function trustFiles(dir: string): Pick<BundleParts, "roots" | "revocations" | "keys"> {
  const { roots, revocations, byKid: keys } = readTrustFiles(dir)
  return { roots, revocations, keys }
}

/** Writes a bundle to a new file. @throws {@link AmcError} `usage/invalid` if there is one, or it can't be written */
export function writeBundle(path: string, bytes: Uint8Array): void {
  try {
    const file = openSync(path, "wx", 0o644)
    writeFileSync(file, bytes, { flush: true })
    closeSync(file)
  } catch (cause) {
    const why =
      (cause as NodeJS.ErrnoException).code === "EEXIST" ? "exists already" : "can't be written"
    throw new AmcError("usage/invalid", `${path} ${why}`, { cause, hint: "choose another --out" })
  }
}
