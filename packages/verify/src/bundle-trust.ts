import { bundlePaths, keyPath, rootPath } from "@amc/bundle"
import {
  equalBytes,
  bundleManifestPayloadType,
  bundleManifestSignaturePath,
  bundleSumsNamespace,
  bundleSumsPath,
  bundleSumsSignaturePath,
  fromHex,
  isFault,
  type KeyCertificate,
  Keyring,
  openKeyCertificate,
  parseRoot,
  parseSshsig,
  type PublicKey,
  type Root,
  rootFingerprint,
  text,
  verifySshsig,
} from "@amc/core"
import type { BundleFiles } from "./bundle-files.ts"
import { checkEnvelope } from "./envelope-check.ts"
import { FindingList } from "./finding-list.ts"
import { type CurrentTrust, openCurrentTrust, type TrustTerms } from "./known-trust.ts"
import { openSignedCheckpoint, type SignedCheckpoint } from "./signed-checkpoint.ts"

/** The keys of a bundle that the verifier's pinned root certified. */
export interface BundleTrust extends CurrentTrust {
  readonly keyring: Keyring
}

/** What the trusted keys say of a bundle as a whole. */
export interface BundleSignatures {
  readonly checkpoint: SignedCheckpoint
  readonly manifestSignedBy: ReadonlySet<string>
  readonly sumsSignedBy: ReadonlySet<string>
}

/**
 * The trust that a bundle brings along, if its root is the pinned one, made current by what the verifier
 * remembers. The files inside are hints: with another root nothing else in the bundle is looked at.
 */
export function openBundleTrust(
  files: BundleFiles,
  policy: TrustTerms,
  findings: FindingList,
): BundleTrust | undefined {
  const brought = {
    roots: Array.from({ length: files.contents.roots }, (_, at) => files.get(rootPath(at + 1))),
    revocations: files.get(bundlePaths.revocations),
  }
  if (!isPinnedRoot(files, policy.rootSha256, findings)) return undefined
  const current = openCurrentTrust(brought, policy, findings)
  if (current === undefined) return undefined
  const root = current.roots.current
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
  if (!findings.isEmpty) return undefined
  return { ...current, keyring: new Keyring(current.roots, current.revocations, certificates) }
}

function isPinnedRoot(files: BundleFiles, rootSha256: string, findings: FindingList): boolean {
  const subject = bundlePaths.firstRoot
  const root = findings.attempt({ code: "bundle/root-malformed", subject, tampered: false }, () =>
    parseRoot(files.get(subject)),
  )
  if (root === undefined) return false
  if (isPinned(root, rootSha256)) return true
  findings.add({ code: "bundle/unknown-root", subject, detail: unknownRoot(root), tampered: false })
  return false
}

/** Checks the signatures of the bundle as a whole: manifest, list of files, checkpoint. */
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
  const sumsSignedBy = checkSums(files, keyring.keys("release"), findings)
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
  return { checkpoint, manifestSignedBy: signed.signedBy, sumsSignedBy }
}

/** The list for other tools says the same as the manifest, and the release key signed it. */
function checkSums(
  { sums, sumsOfFiles, sumsSignature }: BundleFiles,
  keys: ReadonlyMap<string, PublicKey>,
  findings: FindingList,
): ReadonlySet<string> {
  const list = { code: "bundle/sums", subject: bundleSumsPath } as const
  if (!equalBytes(sums, sumsOfFiles))
    findings.add({ ...list, detail: "it is not the list of the bundle's files", tampered: true })
  const terms = { code: "bundle/sums-signature", subject: bundleSumsSignaturePath } as const
  const signed = findings.attempt({ ...terms, tampered: false }, () =>
    parseSshsig(sumsSignature, bundleSumsNamespace),
  )
  if (signed === undefined) return new Set()
  if (verifySshsig(signed, bundleSumsNamespace, sums, keys)) return new Set([signed.kid])
  const tampered = keys.has(signed.kid)
  const detail = tampered
    ? "a certified key's signature does not fit"
    : "no key that the root certified for this signed it"
  findings.add({ ...terms, detail, tampered })
  return new Set()
}

function openCertificate(
  files: BundleFiles,
  kid: string,
  root: Root,
  findings: FindingList,
): KeyCertificate | undefined {
  const isOutdated = files.contents.roots < root.version
  const code = isOutdated ? "trust/root-superseded" : "bundle/key-certificate"
  const terms = { code, subject: keyPath(kid), tampered: false } as const
  const certificate = new FindingList().attempt(terms, () =>
    openKeyCertificate(files.get(keyPath(kid)), root),
  )
  if (certificate?.key.kid === kid) return certificate
  findings.add({
    ...terms,
    detail: isOutdated
      ? `the owners of version ${root.version} of the root did not sign it; ask for a bundle that was exported since`
      : "the root did not certify the key that its name says",
  })
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
