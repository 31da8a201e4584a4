import {
  type BundleManifest,
  bundleManifestPath,
  bundleManifestSignaturePath,
  bundleSumsPath,
  bundleSumsSignaturePath,
  encodeBundleManifest,
  encodeBundleSums,
  malformed,
  sha256Hex,
  type SignedLeaf,
  systemAgent,
  type TreePart,
  utf8,
} from "@amc/core"
import { writeArchive } from "./archive.ts"
import { encodeProofs } from "./lane-proofs.ts"
import {
  attestationPath,
  bundlePaths,
  changePath,
  configPath,
  configSignaturePath,
  evidencePath,
  keyPath,
  payloadPath,
  policyPath,
  proofsPath,
  rootPath,
  signaturesPath,
} from "./layout.ts"
import { encodeSlice } from "./slice.ts"

/** What a bundle holds of one lane; leaves in the order of their chains. */
export interface BundledLane {
  readonly lane: string
  /** The agent's leaves: up to and with `run_opened` in its lane, up to the head it names elsewhere. */
  readonly agentLeaves: readonly SignedLeaf[]
  /** The leaves of `_system`, up to the head that `run_opened` names. */
  readonly systemLeaves: readonly SignedLeaf[]
  /** Where the leaves of both are in the tree, and what is beside them. */
  readonly proofs: TreePart
}

/** A config file and its signature, under the path that the signature names. */
export interface BundledConfig {
  readonly path: string
  readonly bytes: Uint8Array
  /** Absent for an unsigned file, which makes verifiers reject the bundle. */
  readonly signature: Uint8Array | null
}

/** Everything that goes into a bundle. Files that are already encoded are taken byte for byte. */
export interface BundleParts {
  readonly workspace: string
  readonly origin: string
  readonly agent: string
  readonly run_id: string
  /** The signed note of a checkpoint that covers the slices. */
  readonly checkpoint: string
  readonly lanes: readonly BundledLane[]
  readonly report: Uint8Array
  readonly seal: Uint8Array
  /** The versions of the root, in order from 1. */
  readonly roots: readonly Uint8Array[]
  readonly revocations: Uint8Array
  /** Key certificates by kid. */
  readonly keys: ReadonlyMap<string, Uint8Array>
  readonly configs: readonly BundledConfig[]
  /** The payloads of the slices' `config_change` events: what the auditor signed of each change. */
  readonly changes: readonly Uint8Array[]
  /** The payloads of the slices' `payload_prune` events: the policies that let payloads go. */
  readonly policies: readonly Uint8Array[]
  /** The payloads of the slices' `attestation` events: what the auditor vouched for. */
  readonly attestations: readonly Uint8Array[]
  /** The stored payloads of the agent's events, but for those in `attestations`; null to withhold them. */
  readonly payloads: readonly Uint8Array[] | null
}

/** Who signs a bundle: `signBundleManifest` and `signBundleSums`, or the notary. */
export interface BundleSigners {
  /** The auditor's envelope of the manifest. */
  readonly manifest: (manifest: Uint8Array) => Uint8Array | Promise<Uint8Array>
  /** The release key's SSH signature of the list of files. */
  readonly sums: (sums: Uint8Array) => Uint8Array | Promise<Uint8Array>
}

/**
 * Lays out a bundle (spec/bundle.md) and has it signed. Whether its parts fit each other is the verifier's question, so
 * verify what you built before you hand it out.
 *
 * @throws {@link AmcError} `input/malformed` for a lane, agent, key or config that can't be a file name, `input/too-large`
 */
export async function buildBundle(parts: BundleParts, signers: BundleSigners): Promise<Uint8Array> {
  return writeArchive(await signedFiles(parts, filesOf(parts), signers))
}

async function signedFiles(
  about: BundleParts,
  files: ReadonlyMap<string, Uint8Array>,
  signers: BundleSigners,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const manifest = encodeBundleManifest(manifestOf(about, files))
  const signed = new Map([
    ...files,
    [bundleManifestPath, manifest],
    [bundleManifestSignaturePath, await signers.manifest(manifest)],
  ])
  const sums = sumsOf(signed)
  return signed.set(bundleSumsPath, sums).set(bundleSumsSignaturePath, await signers.sums(sums))
}

/** The list of these files and no others (spec/bundle.md, "Manifest"). */
export function sumsOf(files: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const sums = [...files].map(([path, bytes]) => ({ path, sha256: sha256Hex(bytes) }))
  return encodeBundleSums(sums.sort((a, b) => (a.path < b.path ? -1 : 1)))
}

function manifestOf(
  { workspace, origin, agent, run_id, payloads }: BundleParts,
  files: ReadonlyMap<string, Uint8Array>,
): BundleManifest {
  const listed = [...files].map(([path, bytes]) => ({
    path,
    size: bytes.length,
    sha256: sha256Hex(bytes),
  }))
  return {
    workspace,
    origin,
    agent,
    run_id,
    withheld: payloads === null ? ["payloads"] : [],
    files: listed.sort((a, b) => (a.path < b.path ? -1 : 1)),
  }
}

function filesOf(parts: BundleParts): ReadonlyMap<string, Uint8Array> {
  const files: [string, Uint8Array][] = [
    [bundlePaths.checkpoint, utf8(parts.checkpoint)],
    [bundlePaths.report, parts.report],
    [bundlePaths.seal, parts.seal],
    [bundlePaths.revocations, parts.revocations],
    ...parts.roots.map((bytes, at): [string, Uint8Array] => [rootPath(at + 1), bytes]),
    ...parts.lanes.flatMap((lane) => filesOfLane(lane, parts.agent)),
    ...[...parts.keys].map(([kid, bytes]): [string, Uint8Array] => [keyPath(kid), bytes]),
    ...parts.configs.flatMap(filesOfConfig),
    ...parts.changes.map((bytes): [string, Uint8Array] => [changePath(sha256Hex(bytes)), bytes]),
    ...parts.attestations.map((bytes): [string, Uint8Array] => [
      attestationPath(sha256Hex(bytes)),
      bytes,
    ]),
    ...(parts.payloads ?? []).map((bytes): [string, Uint8Array] => [
      payloadPath(sha256Hex(bytes)),
      bytes,
    ]),
    ...parts.policies.map((bytes): [string, Uint8Array] => [policyPath(sha256Hex(bytes)), bytes]),
  ]
  const named = new Map(files)
  if (named.size < files.length) throw malformed("two parts of the bundle would have one file name")
  return named
}

function filesOfLane(
  { lane, agentLeaves, systemLeaves, proofs }: BundledLane,
  agent: string,
): [string, Uint8Array][] {
  return [
    ...filesOfSlice(lane, agent, agentLeaves),
    ...filesOfSlice(lane, systemAgent, systemLeaves),
    [proofsPath(lane), encodeProofs(proofs)],
  ]
}

function filesOfSlice(
  lane: string,
  agent: string,
  leaves: readonly SignedLeaf[],
): [string, Uint8Array][] {
  const { entries, signatures } = encodeSlice(leaves)
  return [
    [evidencePath(lane, agent), entries],
    [signaturesPath(lane, agent), signatures],
  ]
}

function filesOfConfig({ path, bytes, signature }: BundledConfig): [string, Uint8Array][] {
  const file: [string, Uint8Array] = [configPath(path), bytes]
  return signature === null ? [file] : [file, [configSignaturePath(path), signature]]
}
