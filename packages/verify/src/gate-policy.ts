import {
  AmcError,
  type Finding,
  type GatePolicy,
  Keyring,
  openKeyCertificate,
  openSignedFile,
  parseGatePolicy,
  sha256Hex,
  type SignedFileTerms,
} from "@amc/core"
import type { GatedPolicy } from "@amc/score"
import { checkConfig } from "./config-check.ts"
import { FindingList } from "./finding-list.ts"
import {
  expiryFindings,
  type KnownTrust,
  openCurrentTrust,
  type VersionedTrust,
} from "./known-trust.ts"

/** A policy as a consumer keeps it: its bytes, the signature beside it, and the keys that it is to be checked with. */
export interface PolicyFile {
  /** Its name without folders, which its signature names too. */
  readonly name: string
  readonly bytes: Uint8Array
  readonly signature: Uint8Array | null
  /** Hints, which count only under the pinned root. */
  readonly trust: PolicyTrust
}

/** The public keys of a consumer's workspace. */
export interface PolicyTrust extends VersionedTrust {
  readonly keys: readonly Uint8Array[]
}

/** The newest version of each policy that was accepted under a root, by its id. */
export type PolicyHistory = ReadonlyMap<
  string,
  { readonly version: number; readonly sha256: string }
>

/** Whose policies count, and which of them were seen before. */
export interface PolicyTerms {
  /** The consumer's root, pinned out of band: never the one that came with the file. */
  readonly rootSha256: string
  readonly known?: KnownTrust | undefined
  /** The newest versions that were accepted, by the policies' ids. */
  readonly history?: PolicyHistory | undefined
  /** Refuses any other policy of that root. */
  readonly policyId?: string | undefined
  /** Refuses what was signed before this version. */
  readonly minVersion?: number | undefined
  readonly atMs: number
}

/** A policy that an auditor of the pinned root signed, with what is to be remembered of it. */
export interface OpenedPolicy {
  readonly policy: GatePolicy
  readonly summary: GatedPolicy
  readonly trust: VersionedTrust
}

/**
 * Opens a policy that an auditor of the consumer's own root signed under its name, and that no newer one was
 * accepted in place of. The bytes that were verified are the bytes that are parsed.
 */
export function openPolicy(
  file: PolicyFile,
  terms: PolicyTerms,
  findings: FindingList,
): OpenedPolicy | undefined {
  const current = openCurrentTrust(file.trust, terms, findings)
  if (current === undefined) return undefined
  const keyring = findings.attempt(
    { code: "policy/keys", subject: file.name, tampered: false },
    () => {
      const keys = file.trust.keys.map((bytes) => openKeyCertificate(bytes, current.roots.current))
      return new Keyring(current.roots, current.revocations, keys)
    },
  )
  if (keyring === undefined) return undefined
  findings.addAll(expiryFindings(current, terms.atMs))
  findings.addAll(signatureFindings(file, keyring, terms))
  if (!findings.isEmpty) return undefined
  const malformed = { code: "policy/malformed", subject: file.name, tampered: false } as const
  const policy = findings.attempt(malformed, () => parseGatePolicy(file.bytes, file.name))
  if (policy === undefined) return undefined
  const { version } = signedTerms(file, keyring)
  const sha256 = sha256Hex(file.bytes)
  findings.addAll(placeFindings(file.name, { id: policy.id, version, sha256 }, terms))
  if (!findings.isEmpty) return undefined
  const summary = {
    id: policy.id,
    name: file.name,
    sha256,
    workspace: keyring.workspace,
    root: `sha256:${terms.rootSha256}`,
    version,
  }
  return { policy, summary, trust: current.files }
}

/** Whether it is the policy that was asked for, and not an older one of its id. */
function placeFindings(
  subject: string,
  {
    id,
    version,
    sha256,
  }: { readonly id: string; readonly version: number; readonly sha256: string },
  { policyId = id, minVersion = 1, history }: PolicyTerms,
): readonly Finding[] {
  const seen = history?.get(id)
  const isOlder =
    seen !== undefined &&
    (version < seen.version || (version === seen.version && sha256 !== seen.sha256))
  const found: Finding[] = []
  if (id !== policyId) {
    const detail = `it is the policy '${id}', and '${policyId}' is asked for`
    found.push({ code: "policy/another", subject, detail, tampered: false })
  }
  if (version < minVersion) {
    const detail = `it is version ${version}, and at least ${minVersion} is asked for`
    found.push({ code: "policy/superseded", subject, detail, tampered: false })
  }
  if (isOlder) {
    const detail = `version ${seen.version} of the policy '${id}' was accepted here before`
    found.push({ code: "config/superseded", subject, detail, tampered: true })
  }
  return found
}

/**
 * The rules of signed config, but nothing stands in a ledger: an ended key's signature counts no more, also for a
 * policy that was accepted before.
 */
function signatureFindings(
  { name: path, bytes, signature }: PolicyFile,
  keyring: Keyring,
  { atMs }: PolicyTerms,
): readonly Finding[] {
  const file = { path, bytes, signature }
  const terms = {
    workspace: keyring.workspace,
    auditors: keyring.keys("auditor"),
    liveAuditors: keyring.keysNow("auditor", atMs),
    atMs,
  }
  return checkConfig(file, { ...terms, history: new Map() })
}

function signedTerms({ bytes, signature }: PolicyFile, keyring: Keyring): SignedFileTerms {
  if (signature === null) throw new AmcError("input/malformed", "the policy has no signature")
  return openSignedFile(bytes, signature, keyring.keys("auditor"))
}
