import {
  attestationPath,
  buildBundle,
  type BundleParts,
  bundlePaths,
  changePath,
  configPath,
  configSignaturePath,
  contentsOf,
  evidencePath,
  keyPath,
  payloadPath,
  policyPath,
  parseProofs,
  parseSlice,
  proofsPath,
  rootPath,
  readArchive,
  signaturesPath,
} from "@amc/bundle"
import {
  bundleManifestPath,
  parseBundleManifest,
  type Signer,
  signBundleManifest,
  signBundleSums,
  type SignedLeaf,
  systemAgent,
  unlistedBundleFiles,
} from "@amc/core"

/** Takes a bundle apart, for somebody who wants to put it together otherwise. */
export async function partsOf(bundle: Uint8Array): Promise<BundleParts> {
  const files = await readArchive(bundle)
  const file = (path: string): Uint8Array => files.get(path)!
  const { workspace, origin, agent, run_id, withheld } = parseBundleManifest(
    file(bundleManifestPath),
  )
  const sliceOf = (lane: string, of: string): readonly SignedLeaf[] => [
    ...parseSlice({
      entries: file(evidencePath(lane, of)),
      signatures: file(signaturesPath(lane, of)),
    }),
  ]
  const names = [...files.keys()].filter((name) => !unlistedBundleFiles.has(name))
  const { lanes, roots, kids, configs, changes, policies, attestations, payloads } = contentsOf(
    names,
    agent,
  )
  return {
    workspace,
    origin,
    agent,
    run_id,
    checkpoint: new TextDecoder().decode(file(bundlePaths.checkpoint)),
    lanes: lanes.map((lane) => ({
      lane,
      agentLeaves: sliceOf(lane, agent),
      systemLeaves: sliceOf(lane, systemAgent),
      proofs: parseProofs(file(proofsPath(lane))),
    })),
    report: file(bundlePaths.report),
    seal: file(bundlePaths.seal),
    roots: Array.from({ length: roots }, (_, at) => file(rootPath(at + 1))),
    revocations: file(bundlePaths.revocations),
    keys: new Map(kids.map((kid) => [kid, file(keyPath(kid))])),
    configs: configs.map((path) => ({
      path,
      bytes: file(configPath(path)),
      signature: files.get(configSignaturePath(path)) ?? null,
    })),
    changes: changes.map((sha256) => file(changePath(sha256))),
    policies: policies.map((sha256) => file(policyPath(sha256))),
    attestations: attestations.map((sha256) => file(attestationPath(sha256))),
    payloads: withheld.includes("payloads")
      ? null
      : payloads.map((sha256) => file(payloadPath(sha256))),
  }
}

/** Puts parts together under a manifest and a list of files that this signer signs. */
export function bundleBy(signer: Signer, parts: BundleParts): Promise<Uint8Array> {
  return buildBundle(parts, {
    manifest: (bytes) => signBundleManifest(bytes, signer),
    sums: (bytes) => signBundleSums(bytes, signer),
  })
}
