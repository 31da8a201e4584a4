import { bundlePaths, keyPath } from "@amc/bundle"
import {
  equalBytes,
  bundleManifestPayloadType,
  bundleManifestSignaturePath,
  fromHex,
  isFault,
  type KeyCertificate,
  Keyring,
  openKeyCertificate,
  parseRoot,
  type Root,
  rootFingerprint,
  text,
} from "@amc/core"
import type { BundleFiles } from "./bundle-files.ts"
import { checkEnvelope } from "./envelope-check.ts"
import type { FindingList } from "./finding-list.ts"
import { openSignedCheckpoint, type SignedCheckpoint } from "./signed-checkpoint.ts"

/** The keys of a bundle that the verifier's pinned root certified. */
export interface BundleTrust {
  readonly root: Root
  readonly keyring: Keyring
  readonly certificates: readonly KeyCertificate[]
}

/** What the trusted keys say of a bundle as a whole. */
export interface BundleSignatures {
  readonly checkpoint: SignedCheckpoint
  readonly manifestSignedBy: ReadonlySet<string>
}

/**
 * The trust that a bundle brings along, if its root is the pinned one. The files inside are hints: with
 * another root nothing else in the bundle is looked at.
 */
export function openBundleTrust(
  files: BundleFiles,
  rootSha256: string,
  findings: FindingList,
): BundleTrust | undefined {
  const root = findings.attempt(
    { code: "bundle/root-malformed", subject: bundlePaths.root, tampered: false },
    () => parseRoot(files.get(bundlePaths.root)),
  )
  if (root === undefined) return undefined
  if (!isPinned(root, rootSha256)) {
    findings.add({
      code: "bundle/unknown-root",
      subject: bundlePaths.root,
      detail: unknownRoot(root),
      tampered: false,
    })
    return undefined
  }
  const certificates = files.contents.kids.flatMap(
    (kid) => openCertificate(files, kid, root, findings) ?? [],
  )
  if (root.workspace !== files.manifest.workspace)
    findings.add({
      code: "bundle/another-workspace",
      subject: "manifest.json",
      detail: "the root is of another workspace",
      tampered: false,
    })
  return findings.isEmpty
    ? { root, keyring: new Keyring(root, certificates), certificates }
    : undefined
}

/** Checks the auditor's signature of the manifest and the ledger's of the checkpoint. */
export function checkBundleSignatures(
  files: BundleFiles,
  { keyring }: BundleTrust,
  findings: FindingList,
): BundleSignatures | undefined {
  const terms = {
    code: "bundle/manifest-signature",
    subject: bundleManifestSignaturePath,
    payloadType: bundleManifestPayloadType,
  } as const
  const signed = checkEnvelope(
    files.manifestSignature,
    { ...terms, keys: keyring.keys("auditor") },
    findings,
  )
  if (signed !== undefined && !equalBytes(signed.payload, files.manifestBytes))
    findings.add({ ...terms, detail: "the auditor signed another manifest", tampered: true })
  const checkpoint = findings.attempt(
    { code: "bundle/checkpoint", subject: bundlePaths.checkpoint, tampered: false },
    () =>
      openSignedCheckpoint(
        text(files.get(bundlePaths.checkpoint)),
        files.manifest.origin,
        keyring.keys("ledger"),
      ),
  )
  if (signed === undefined || checkpoint === undefined || !findings.isEmpty) return undefined
  return { checkpoint, manifestSignedBy: signed.signedBy }
}

function openCertificate(
  files: BundleFiles,
  kid: string,
  root: Root,
  findings: FindingList,
): KeyCertificate | undefined {
  const terms = { code: "bundle/key-certificate", subject: keyPath(kid), tampered: false } as const
  const certificate = findings.attempt(terms, () =>
    openKeyCertificate(files.get(keyPath(kid)), root),
  )
  if (certificate === undefined || certificate.key.kid === kid) return certificate
  findings.add({ ...terms, detail: "it certifies another key than its name says" })
  return undefined
}

function isPinned(root: Root, rootSha256: string): boolean {
  try {
    return equalBytes(root.sha256, fromHex(rootSha256))
  } catch (error) {
    // A pin that is no digest is the root of nothing.
    if (isFault(error, "input/malformed")) return false
    throw error
  }
}

function unknownRoot(root: Root): string {
  const owner =
    "ask the workspace's owner, by another way than this file came, for the line that `amc init` printed"
  return `the bundle's root is ${rootFingerprint(root)}, which is not the one that was given; ${owner}, and verify with --root sha256:<hex> only if the two are equal`
}
