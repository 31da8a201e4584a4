import { readArchive } from "@amc/bundle"
import { bundleManifestPath, isFault, parseBundleManifest, type Verdict } from "@amc/core"
import {
  type BundleSummary,
  type GivenTrust,
  mergedTrust,
  pinsOf,
  type VerifiedBundle,
  verifyBundle,
  type WitnessTerms,
} from "@amc/verify"
import { rememberedRoot } from "./remembered-root.ts"
import type { StateHome } from "./state-home.ts"
import { recallTrust, rememberVerified } from "./verifier-memory.ts"

export interface VerifyBundleTerms {
  readonly state: StateHome
  /** What was given out of band; null to take what this machine remembers of the bundle's workspace. */
  readonly trust: GivenTrust | null
  readonly nowMs: number
  /** The time that expiry is judged at. */
  readonly atMs: number
  /** The verifier's own policy and how old a checkpoint may be. */
  readonly witnesses?: Omit<WitnessTerms, "nowMs">
  /** A consistency proof between the bundle's tree and one that this machine has seen. */
  readonly proof?: Uint8Array | undefined
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
  const verdict = await readBundleHere(bytes, terms)
  return verdict.accepted ? { accepted: true, value: verdict.value.summary } : verdict
}

/** {@link verifyBundleHere} for those who go on with the evidence. */
export async function readBundleHere(
  bytes: Uint8Array,
  terms: VerifyBundleTerms,
): Promise<Verdict<VerifiedBundle>> {
  const { state, atMs, nowMs, proof } = terms
  const trust = terms.trust ?? { rootSha256: rememberedRoot(await namedWorkspace(bytes), state) }
  const { rootSha256 } = trust
  const known = mergedTrust(trust, recallTrust(state, rootSha256))
  // What the owners signed is remembered whatever becomes of the bundle: it may tell of a theft.
  if (known !== undefined && "roots" in trust) rememberVerified(known, [], rootSha256, terms)
  const witnesses = { ...terms.witnesses, nowMs }
  const verdict = await verifyBundle(bytes, { rootSha256, atMs, known, witnesses, proof })
  if (!verdict.accepted) return verdict
  rememberVerified(verdict.value.trust, pinsOf(verdict.value, nowMs), rootSha256, terms)
  return verdict
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
