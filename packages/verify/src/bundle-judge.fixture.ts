import { type BundledLane, type BundleParts, readArchive, sumsOf, writeArchive } from "@amc/bundle"
import {
  bundleManifestPath,
  bundleManifestSignaturePath,
  bundleSumsPath,
  bundleSumsSignaturePath,
  encodeBundleManifest,
  parseBundleManifest,
  sha256Hex,
  type Signer,
  signBundleManifest,
  signBundleSums,
  unlistedBundleFiles,
  utf8,
  type Verdict,
} from "@amc/core"
import { bundleOf, makeRun, partsOf } from "./bundle.fixture.ts"
import { type VerifiedBundle, verifyBundle } from "./bundle.ts"
import { exitOf } from "./exit.ts"
import type { KnownTrust } from "./known-trust.ts"
import { makeWorld, startMs, type World } from "./world.fixture.ts"

export const run = makeRun()
export const { world, lane } = run
export const parts = partsOf(run)
export const policy = { rootSha256: world.rootSha256, atMs: startMs }
export const good = await bundleOf(parts, world)
export const mallory = makeWorld("mallory")

export async function judge(
  bundle: Uint8Array | Promise<Uint8Array>,
  by: World = world,
  known?: KnownTrust,
): Promise<{ codes: string[]; exit: number; verdict: Verdict<VerifiedBundle> }> {
  const verdict = await verifyBundle(await bundle, {
    rootSha256: by.rootSha256,
    atMs: startMs,
    known,
  })
  const codes = verdict.accepted ? [] : [...new Set(verdict.findings.map(({ code }) => code))]
  return { codes, exit: exitOf(verdict), verdict }
}

/** Changes files of a bundle as somebody would who can write tar. */
export async function withFiles(
  change: (files: Map<string, Uint8Array>) => void,
  bundle = good,
): Promise<Uint8Array> {
  const files = new Map(await readArchive(bundle))
  change(files)
  return writeArchive(files)
}

/** Changes files and makes the manifest fit again, signed by this key; the owner's release key signs the list. */
export function withManifestBy(
  signer: Signer,
  change: (files: Map<string, Uint8Array>) => void,
  bundle = good,
): Promise<Uint8Array> {
  return withFiles((files) => {
    const manifest = parseBundleManifest(files.get(bundleManifestPath) as Uint8Array)
    change(files)
    const listed = [...files].filter(([path]) => !unlistedBundleFiles.has(path))
    const entries = listed
      .map(([path, bytes]) => ({ path, size: bytes.length, sha256: sha256Hex(bytes) }))
      .sort((a, b) => (a.path < b.path ? -1 : 1))
    const bytes = encodeBundleManifest({ ...manifest, files: entries })
    files.set(bundleManifestPath, bytes)
    files.set(bundleManifestSignaturePath, signBundleManifest(bytes, signer))
    listAnew(files, world.signers.release)
  }, bundle)
}

/** Makes the list of files fit again, signed by this key. */
export function listAnew(files: Map<string, Uint8Array>, signer: Signer): void {
  files.delete(bundleSumsPath)
  files.delete(bundleSumsSignaturePath)
  const sums = sumsOf(files)
  files.set(bundleSumsPath, sums).set(bundleSumsSignaturePath, signBundleSums(sums, signer))
}

export const anotherReport = (files: Map<string, Uint8Array>): unknown =>
  files.set("run/report.json", utf8("{}"))
/** The real auditor signs whatever these parts are: what the evidence itself must then show. */
export const signed = (change: Partial<BundleParts>): Promise<Uint8Array> =>
  bundleOf({ ...parts, ...change }, world)
export const onlyLane = parts.lanes[0] as BundledLane
export const withLane = (change: Partial<BundledLane>): Promise<Uint8Array> =>
  signed({ lanes: [{ ...onlyLane, ...change }] })
