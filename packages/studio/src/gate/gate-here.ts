import { AmcError, isFault, parseEnvelope, parseSignedFile } from "@amc/core"
import {
  type GateVerdict,
  type GivenTrust,
  mergedTrust,
  pinsOf,
  type PolicyTrust,
  readTrustFile,
  verifyGate,
} from "@amc/verify"
import { readTrustFiles } from "@amc/vault"
import { onlyRoot } from "../remembered-root.ts"
import type { StateHome } from "../state-home.ts"
import { recallTrust, rememberedRootsOf, rememberVerified } from "../verifier-memory.ts"
import { recallPolicies, rememberPolicy } from "./policy-memory.ts"

/** The files of a gate, as they were read. */
export interface GateFiles {
  readonly bundle: Uint8Array
  readonly previous?: Uint8Array | undefined
  readonly policyName: string
  readonly policy: Uint8Array
  /** What lies beside the policy as `.sig`; null if nothing does. */
  readonly signature: Uint8Array | null
  /** What lies beside it as `.trust.json`: hints under the pinned root. */
  readonly policyTrust: Uint8Array | null
}

export interface GateHereTerms {
  readonly state: StateHome
  /** The consumer's root, given out of band; null to take what this machine remembers. */
  readonly policyRoot: GivenTrust | null
  /** Refuses any other policy of that root. */
  readonly policyId?: string | undefined
  readonly minVersion?: number | undefined
  readonly nowMs: number
  readonly atMs: number
  /** Told what could not be remembered. */
  readonly warn: (text: string) => void
}

/**
 * Judges a bundle by a signed policy, by what was given and what this machine remembers of the roots of both.
 * What was accepted is remembered, also the policy's version.
 *
 * @throws {@link AmcError} `usage/invalid` if there is no root to trust for the policy; `input/malformed`
 * for its trust file
 */
export async function gateHere(files: GateFiles, terms: GateHereTerms): Promise<GateVerdict> {
  const { state, nowMs, atMs, policyId, minVersion } = terms
  const given: GivenTrust = terms.policyRoot ?? {
    rootSha256: rememberedPolicyRoot(namedWorkspace(files.signature), state),
  }
  const { rootSha256 } = given
  const trust = policyTrust(files, given, state)
  // A newer list of ended keys is remembered whatever becomes of the policy: it may be why there is none.
  for (const each of [given, trust]) rememberTold(each, rootSha256, terms)
  const verdict = await verifyGate(
    {
      bundle: files.bundle,
      previous: files.previous,
      policy: {
        name: files.policyName,
        bytes: files.policy,
        signature: files.signature,
        trust,
      },
    },
    {
      rootSha256,
      known: mergedTrust(given, recallTrust(state, rootSha256)),
      history: recallPolicies(state, rootSha256),
      policyId,
      minVersion,
      nowMs,
      atMs,
      knownOf: (root) => recallTrust(state, root),
    },
  )
  remember(verdict, rootSha256, terms)
  return verdict
}

/** From beside the policy, from the trust file that was given, or from one's own workspace of that root. */
function policyTrust(files: GateFiles, given: GivenTrust, state: StateHome): PolicyTrust {
  const beside = withKeys(files.policyTrust === null ? given : readTrustFile(files.policyTrust))
  if (beside !== null) return beside
  const own = state.remembered().find(({ root_sha256: root }) => root === given.rootSha256)
  if (own === undefined)
    throw new AmcError("input/unreadable", `there is no ${files.policyName}.trust.json`, {
      hint: "it lies beside the policy where 'amc policy sign' was: copy it along, or give it as --policy-root",
    })
  const { roots, revocations, certificates: keys } = readTrustFiles(own.path)
  return { roots, revocations, keys }
}

function withKeys(trust: GivenTrust): PolicyTrust | null {
  return "keys" in trust ? trust : null
}

/**
 * The root under which a policy of this workspace was accepted before. That its bundles were is not enough: whoever is
 * gated would gate themselves.
 */
function rememberedPolicyRoot(workspace: string, state: StateHome): string {
  const roots = rememberedRootsOf(state, workspace)
  return onlyRoot(
    roots.filter((root) => recallPolicies(state, root).size > 0),
    "policy-root",
  )
}

/** What the signature calls its workspace: only good enough to look up what was pinned. */
function namedWorkspace(signature: Uint8Array | null): string {
  try {
    if (signature === null) return ""
    return parseSignedFile(parseEnvelope(signature).payload).terms.workspace
  } catch (error) {
    if (isFault(error)) return ""
    throw error
  }
}

/** Told by who holds a file: only what the root's owners signed comes of it. */
function rememberTold(
  told: PolicyTrust | GivenTrust,
  rootSha256: string,
  terms: GateHereTerms,
): void {
  if (!("roots" in told)) return
  try {
    rememberVerified(told, [], rootSha256, terms)
  } catch (error) {
    if (!isFault(error)) throw error
  }
}

function remember(
  { policy, bundles }: GateVerdict,
  rootSha256: string,
  terms: GateHereTerms,
): void {
  const { state, nowMs, warn } = terms
  if (policy === null) return
  rememberVerified(policy.trust, [], rootSha256, terms)
  try {
    rememberPolicy(state, rootSha256, policy.summary)
  } catch (error) {
    if (!isFault(error, "workspace/unwritable")) throw error
    warn(`the policy's version can't be remembered: ${error.message}`)
  }
  for (const { rootSha256: producer, bundle } of bundles) {
    rememberVerified(bundle.trust, pinsOf(bundle, nowMs), producer, terms)
  }
}
