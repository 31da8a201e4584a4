import { readArchive } from "@amc/bundle"
import { AmcError, bundleManifestPath, isFault, parseBundleManifest, type Verdict } from "@amc/core"
import {
  type BundleSummary,
  FindingList,
  type KnownTrust,
  openCurrentTrust,
  verifyBundle,
} from "@amc/verify"
import type { StateHome } from "./state-home.ts"
import type { TrustFile } from "./trust-file.ts"
import { recallTrust, rememberedRootsOf, rememberTrust } from "./verifier-memory.ts"

export interface VerifyBundleTerms {
  readonly state: StateHome
  /** What was given out of band; null to take what this machine remembers of the bundle's workspace. */
  readonly trust: TrustFile | { readonly rootSha256: string } | null
  readonly nowMs: number
  /** The time that expiry is judged at. */
  readonly atMs: number
  /** Told what could not be remembered. */
  readonly warn: (text: string) => void
}

/**
 * Verifies a bundle against a root that was given, or that this machine remembers, and by the newest root
 * and revocations that it has seen. What was accepted is remembered.
 *
 * @throws {@link AmcError} `usage/invalid` if there is no root to trust
 */
export async function verifyBundleHere(
  bytes: Uint8Array,
  terms: VerifyBundleTerms,
): Promise<Verdict<BundleSummary>> {
  const { state, atMs, nowMs } = terms
  const trust = terms.trust ?? { rootSha256: await rememberedRoot(bytes, state) }
  const { rootSha256 } = trust
  const known = mergedTrust(trust, recallTrust(state, rootSha256))
  const verdict = await verifyBundle(bytes, { rootSha256, atMs, known })
  if (!verdict.accepted) return verdict
  const { summary, trust: seen, checkpoint } = verdict.value
  try {
    const pins = [{ ...checkpoint, seen_ms: nowMs }]
    rememberTrust(state, { workspace: summary.workspace, rootSha256, ...seen, pins })
  } catch (error) {
    if (!isFault(error, "workspace/unwritable")) throw error
    terms.warn(`what was verified can't be remembered: ${error.message}`)
  }
  return { accepted: true, value: summary }
}

/** The newer of what was given now and what was seen before. */
function mergedTrust(
  trust: TrustFile | { readonly rootSha256: string },
  memory: KnownTrust | undefined,
): KnownTrust | undefined {
  if (!("roots" in trust)) return memory
  const findings = new FindingList()
  const current = openCurrentTrust(trust, { rootSha256: trust.rootSha256, known: memory }, findings)
  const [first] = findings.all()
  if (current === undefined)
    throw new AmcError("input/malformed", `the trust file does not hold: ${first?.detail}`)
  return { ...current.files, pins: memory?.pins ?? [] }
}

/** Whose root is meant where none was given: the one under which this workspace's bundles were accepted before. */
async function rememberedRoot(bytes: Uint8Array, state: StateHome): Promise<string> {
  const roots = rememberedRootsOf(state, await namedWorkspace(bytes))
  const [root, ...others] = roots
  if (root !== undefined && others.length === 0) return root
  const message =
    root === undefined
      ? "no root is pinned, so nothing can be trusted"
      : "this machine remembers more than one root for this workspace"
  throw new AmcError("usage/invalid", message, {
    hint: "ask the owner for the root fingerprint ('amc init' printed it) by a way that you trust, and pass it as --root sha256:…",
  })
}

/** What the bundle calls itself: only good enough to look up what was pinned. */
async function namedWorkspace(bytes: Uint8Array): Promise<string> {
  try {
    const manifest = (await readArchive(bytes)).get(bundleManifestPath)
    return manifest === undefined ? "" : parseBundleManifest(manifest).workspace
  } catch (error) {
    if (isFault(error)) return ""
    throw error
  }
}
