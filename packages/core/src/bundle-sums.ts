import {
  bundleFilesMax,
  bundleManifestPath,
  bundleManifestSignaturePath,
  bundleSumsPath,
  bundleSumsSignaturePath,
  isBundlePath,
} from "./bundle-manifest.ts"
import { text, utf8 } from "./bytes.ts"
import { malformed } from "./errors.ts"
import type { Signer } from "./public-key.ts"
import { signSshsig } from "./sshsig.ts"

/** What the SSH signature of a bundle's list is for (ssh-keygen(1), "ALLOWED SIGNERS"). */
export const bundleSumsNamespace = "amc.bundle"

/** One line of {@link bundleSumsPath}. */
export interface BundleSum {
  readonly path: string
  readonly sha256: string
}

/**
 * The list of a bundle's files in the order of their names: all but itself and its signature.
 *
 * @throws {@link AmcError} `input/malformed`
 */
export function encodeBundleSums(sums: readonly BundleSum[]): Uint8Array {
  checkSums(sums)
  return utf8(sums.map(({ path, sha256 }) => `${sha256}  ${path}\n`).join(""))
}

/**
 * Reads a list in exactly the spelling of {@link encodeBundleSums}.
 *
 * @throws {@link AmcError} `input/malformed`
 */
export function parseBundleSums(bytes: Uint8Array): readonly BundleSum[] {
  const lines = text(bytes).split("\n")
  if (lines.pop() !== "") throw malformed("the list of files does not end with a line")
  const sums = lines.map(readLine)
  checkSums(sums)
  return sums
}

/** Signs a list's bytes; returns the bytes of {@link bundleSumsSignaturePath}. */
export function signBundleSums(sums: Uint8Array, release: Signer): Uint8Array {
  return utf8(signSshsig(bundleSumsNamespace, sums, release))
}

function readLine(line: string): BundleSum {
  const [, sha256, path] = /^([0-9a-f]{64}) {2}(.+)$/u.exec(line) ?? []
  if (sha256 === undefined || path === undefined)
    throw malformed("the list of files has a line that is none")
  return { path, sha256 }
}

function checkSums(sums: readonly BundleSum[]): void {
  const paths = sums.map(({ path }) => path)
  if (paths.length > bundleFilesMax + 2) throw malformed("the list of files is too long")
  if (paths.some((path, at) => at > 0 && path <= (paths[at - 1] as string)))
    throw malformed("the list does not hold each file once, in order")
  if (!paths.every(isBundlePath)) throw malformed("the list names what no bundle holds")
  if (paths.includes(bundleSumsPath) || paths.includes(bundleSumsSignaturePath))
    throw malformed("the list names itself")
  if (!paths.includes(bundleManifestPath) || !paths.includes(bundleManifestSignaturePath))
    throw malformed("the list is not of a bundle")
}
