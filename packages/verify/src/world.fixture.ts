import {
  issueKeyCertificate,
  issueRevocationList,
  issueRoot,
  type KeyRole,
  type KeyTerms,
  Keyring,
  keyRoles,
  openKeyring,
  parseRoot,
  type Revocation,
  type Root,
  type Signer,
  toHex,
} from "@amc/core"
import { seededSigner } from "@amc/testkit"

export const startMs = 1_780_000_000_000
export const lifetimeMs = 400 * 86_400_000
export const workspace = "demo"
export const origin = "demo/ledger"
export const laneName = "main"

/** A workspace's keys, root and certificates, all computed from a seed. */
export interface World {
  readonly signers: Readonly<Record<"root" | KeyRole, Signer>>
  readonly rootBytes: Uint8Array
  readonly revocations: Uint8Array
  readonly root: Root
  readonly rootSha256: string
  readonly certificates: ReadonlyMap<string, Uint8Array>
  readonly keyring: Keyring
}

export function makeWorld(
  seed = "owner",
  terms: Partial<Record<KeyRole, Partial<KeyTerms>>> = {},
  revoked: readonly Revocation[] = [],
): World {
  const signers = {
    root: seededSigner(`${seed}/root`),
    monitor: seededSigner(`${seed}/monitor`),
    ledger: seededSigner(`${seed}/ledger`),
    auditor: seededSigner(`${seed}/auditor`),
    release: seededSigner(`${seed}/release`),
  }
  const first = { workspace, version: 1, createdMs: startMs, expiresMs: startMs + lifetimeMs }
  const rootBytes = issueRoot({ ...first, threshold: 1 }, [signers.root])
  const revocations = issueRevocationList({ ...first, revoked }, [signers.root])
  const root = parseRoot(rootBytes)
  const certificates = new Map(
    keyRoles.map((role) => [
      signers[role].key.kid,
      issueKeyCertificate(signers[role].key, { ...defaults(role), ...terms[role] }, [signers.root]),
    ]),
  )
  const rootSha256 = toHex(root.sha256)
  const files = { roots: [rootBytes], revocations, certificates: [...certificates.values()] }
  const keyring = openKeyring(files, rootSha256)
  return { signers, rootBytes, revocations, root, rootSha256, certificates, keyring }
}

function defaults(role: KeyRole): KeyTerms {
  return {
    workspace,
    role,
    lanes: role === "monitor" ? [laneName] : [],
    valid_from_index: 0,
    valid_to_index: null,
    valid_from_ms: startMs,
    valid_to_ms: null,
  }
}
