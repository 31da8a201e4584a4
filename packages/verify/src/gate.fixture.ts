import { canonicalize, type JsonValue, type SignedFileTerms, signFile } from "@amc/core"
import type { GatePolicy } from "@amc/core"
import { good } from "./bundle-judge.fixture.ts"
import { type GateTerms, type GateVerdict, verifyGate } from "./gate.ts"
import type { PolicyFile } from "./gate-policy.ts"
import { makeWorld, startMs, workspace, type World } from "./world.fixture.ts"

/** Whose policies count: another owner than the one whose bundles are judged. */
export const consumer: World = makeWorld("consumer")
export const policyName = "release.yaml"

/** A policy that the fixtures' bundle passes. */
export function policyFor(producer: World, rules: Partial<GatePolicy> = {}): GatePolicy {
  return {
    v: 1,
    id: "release",
    producerRoots: [`sha256:${producer.rootSha256}`],
    requireObservedForLevel5: true,
    denyIfLowTrust: false,
    ...rules,
  }
}

/** A policy with its signature, as its owner hands it out. JSON is YAML too. */
export function signedPolicy(
  policy: GatePolicy,
  terms: Partial<SignedFileTerms> = {},
  by: World = consumer,
): PolicyFile {
  const bytes = canonicalize(policy as unknown as JsonValue)
  const all = {
    path: policyName,
    workspace,
    version: 1,
    previous_sha256: null,
    expires_ms: null,
    role: "auditor",
    ...terms,
  } as const
  const trust = {
    roots: [by.rootBytes],
    revocations: by.revocations,
    keys: [...by.certificates.values()],
  }
  return { name: policyName, bytes, signature: signFile(bytes, all, by.signers.auditor), trust }
}

/** Judges a bundle as the consumer would. */
export function gateOn(
  policy: PolicyFile,
  {
    bundle = good,
    previous,
    ...terms
  }: Partial<GateTerms> & {
    readonly bundle?: Uint8Array
    readonly previous?: Uint8Array
  } = {},
): Promise<GateVerdict> {
  const at = startMs + 60_000
  return verifyGate(
    { bundle, previous, policy },
    { rootSha256: consumer.rootSha256, nowMs: at, atMs: at, ...terms },
  )
}

/** The codes of what a gate refused, each once. */
export function codesOf({ outcome }: GateVerdict): readonly string[] {
  return [...new Set(outcome.findings.map(({ code }) => code))]
}
