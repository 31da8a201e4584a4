import {
  AmcError,
  type GatePolicy,
  Keyring,
  openKeyCertificate,
  openSignedFile,
  parseGatePolicy,
  sha256Hex,
  type SignedFileTerms,
} from "@amc/core"
import type { GatedPolicy } from "@amc/score"
import { checkConfig, type ConfigHistory } from "./config-check.ts"
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

/** Whose policies count, and which of them were seen before. */
export interface PolicyTerms {
  /** The consumer's root, pinned out of band: never the one that came with the file. */
  readonly rootSha256: string
  readonly known?: KnownTrust | undefined
  /** The newest versions that were accepted, by name. */
  readonly history?: ConfigHistory | undefined
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
 * Opens a policy that an auditor of the consumer's own root signed under its name, newest version first.
 * The bytes that were verified are the bytes that are parsed.
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
  const { version } = signedTerms(file, keyring)
  if (version < (terms.minVersion ?? 1)) {
    const detail = `it is version ${version}, and at least ${terms.minVersion} is asked for`
    findings.add({ code: "policy/superseded", subject: file.name, detail, tampered: false })
    return undefined
  }
  const malformed = { code: "policy/malformed", subject: file.name, tampered: false } as const
  const policy = findings.attempt(malformed, () => parseGatePolicy(file.bytes, file.name))
  if (policy === undefined) return undefined
  const summary = {
    name: file.name,
    sha256: sha256Hex(file.bytes),
    workspace: keyring.workspace,
    root: `sha256:${terms.rootSha256}`,
    version,
  }
  return { policy, summary, trust: current.files }
}

/**
 * The rules of signed config, but nothing stands in a ledger: an ended key's signature counts no more, also for a
 * policy that was accepted before. So what was seen tells of older versions, and vouches for none.
 */
function signatureFindings(
  { name: path, bytes, signature }: PolicyFile,
  keyring: Keyring,
  { history = new Map(), atMs }: PolicyTerms,
): ReturnType<typeof checkConfig> {
  const file = { path, bytes, signature }
  const terms = {
    workspace: keyring.workspace,
    auditors: keyring.keys("auditor"),
    liveAuditors: keyring.keysNow("auditor", atMs),
    atMs,
  }
  const findings = checkConfig(file, { ...terms, history })
  return findings.length > 0 ? findings : checkConfig(file, { ...terms, history: new Map() })
}

function signedTerms({ bytes, signature }: PolicyFile, keyring: Keyring): SignedFileTerms {
  if (signature === null) throw new AmcError("input/malformed", "the policy has no signature")
  return openSignedFile(bytes, signature, keyring.keys("auditor"))
}
