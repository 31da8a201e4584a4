import {
  type ArchiveFiles,
  type BundleContents,
  bundlePaths,
  contentsOf,
  evidencePathsOf,
  readArchive,
  sumsOf,
} from "@amc/bundle"
import {
  type BundleManifest,
  bundleManifestPath,
  bundleManifestSignaturePath,
  bundleSumsPath,
  bundleSumsSignaturePath,
  parseBundleManifest,
  sha256Hex,
  unlistedBundleFiles,
} from "@amc/core"
import type { FindingList } from "./finding-list.ts"

/** A bundle whose files are exactly those that its manifest lists. Nobody is known to have signed it yet. */
export interface BundleFiles {
  readonly manifest: BundleManifest
  readonly manifestBytes: Uint8Array
  readonly manifestSignature: Uint8Array
  /** What claims to be the list of all other files, and its signature. */
  readonly sums: Uint8Array
  readonly sumsSignature: Uint8Array
  /** What that list must be. */
  readonly sumsOfFiles: Uint8Array
  readonly contents: BundleContents
  /** A file that the layout asks for. */
  get(path: string): Uint8Array
}

const mebibyte = 1024 * 1024

/** Opens a bundle's bytes and checks them against its own manifest; says why if they don't fit. */
export async function openBundleFiles(
  bytes: Uint8Array,
  findings: FindingList,
): Promise<BundleFiles | undefined> {
  const terms = { code: "bundle/malformed", subject: "bundle", tampered: false } as const
  const files = await findings.attemptLater(terms, () => readArchive(bytes))
  if (files === undefined) return undefined
  const manifestBytes = files.get(bundleManifestPath)
  const manifestSignature = files.get(bundleManifestSignaturePath)
  const sums = files.get(bundleSumsPath)
  const sumsSignature = files.get(bundleSumsSignaturePath)
  if (manifestBytes === undefined || manifestSignature === undefined) {
    findings.add({ ...terms, detail: "it has no manifest, or no signature of it" })
    return undefined
  }
  if (sums === undefined || sumsSignature === undefined) {
    findings.add({ ...terms, detail: "it has no list of its files, or no signature of it" })
    return undefined
  }
  if (
    isTooLarge(bundleManifestPath, manifestBytes) ||
    isTooLarge(bundleManifestSignaturePath, manifestSignature)
  ) {
    findings.add({ ...terms, detail: "its manifest is larger than any can be" })
    return undefined
  }
  const manifest = findings.attempt({ ...terms, subject: bundleManifestPath }, () =>
    parseBundleManifest(manifestBytes),
  )
  if (manifest === undefined) return undefined
  checkListing(files, manifest, findings)
  const contents = contentsOf(
    manifest.files.map(({ path }) => path),
    manifest.agent,
  )
  checkLayout(contents, files, manifest, findings)
  if (!findings.isEmpty) return undefined
  return {
    manifest,
    manifestBytes,
    manifestSignature,
    sums,
    sumsSignature,
    sumsOfFiles: sumsOf(new Map([...files].filter(([path]) => !isSums(path)))),
    contents,
    get: (path) => files.get(path) as Uint8Array,
  }
}

function checkListing(files: ArchiveFiles, manifest: BundleManifest, findings: FindingList): void {
  const listed = new Set([...unlistedBundleFiles, ...manifest.files.map(({ path }) => path)])
  for (const subject of files.keys())
    if (!listed.has(subject))
      findings.add({
        code: "bundle/unlisted-file",
        subject,
        detail: "the manifest does not list it",
        tampered: true,
      })
  for (const { path: subject, size, sha256 } of manifest.files) {
    const file = files.get(subject)
    if (file === undefined)
      findings.add({
        code: "bundle/missing-file",
        subject,
        detail: "the manifest lists it and it is not there",
        tampered: true,
      })
    else if (file.length !== size || sha256Hex(file) !== sha256)
      findings.add({
        code: "bundle/digest-mismatch",
        subject,
        detail: "it is not the file that the manifest lists",
        tampered: true,
      })
  }
}

function isSums(path: string): boolean {
  return path === bundleSumsPath || path === bundleSumsSignaturePath
}

function checkLayout(
  { lanes, strays }: BundleContents,
  files: ArchiveFiles,
  { agent }: BundleManifest,
  findings: FindingList,
): void {
  for (const subject of strays)
    findings.add({
      code: "bundle/stray-file",
      subject,
      detail: "a bundle has no place for it",
      tampered: false,
    })
  const evidence = lanes.flatMap((lane) => evidencePathsOf(lane, agent))
  for (const subject of [...Object.values(bundlePaths), ...evidence])
    if (!files.has(subject))
      findings.add({
        code: "bundle/incomplete",
        subject,
        detail: "every bundle has it, and it is not there",
        tampered: false,
      })
  for (const [subject, bytes] of files)
    if (isTooLarge(subject, bytes))
      findings.add({
        code: "bundle/file-too-large",
        subject,
        detail: "it is larger than any of its kind can be",
        tampered: false,
      })
}

/** What is parsed whole is bounded by its kind, since a parser may need many times the memory. */
function isTooLarge(path: string, { length }: Uint8Array): boolean {
  return length > sizeMaxOf(path)
}

function sizeMaxOf(path: string): number {
  if (/^(?:evidence|payloads)\//u.test(path)) return Number.MAX_SAFE_INTEGER
  if (path.startsWith("proofs/")) return 64 * mebibyte
  if (path === bundlePaths.revocations) return mebibyte
  if (path.startsWith("trust/") || /^(?:changes|attestations)\//u.test(path)) return mebibyte / 16
  if (path === bundlePaths.report) return 16 * mebibyte
  return path.startsWith("config/") || path.startsWith("policies/") ? mebibyte : 4 * mebibyte
}
