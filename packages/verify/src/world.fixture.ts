import {
  issueKeyCertificate,
  issueRoot,
  type KeyRole,
  type KeyTerms,
  Keyring,
  openKeyring,
  parseRoot,
  type Root,
  type Signer,
  toHex,
} from "@amc/core"
import { seededSigner } from "@amc/testkit"

export const startMs = 1_780_000_000_000
export const workspace = "demo"
export const origin = "demo/ledger"
export const laneName = "main"

/** A workspace's keys, root and certificates, all computed from a seed. */
export interface World {
  readonly signers: Readonly<Record<"root" | KeyRole, Signer>>
  readonly rootBytes: Uint8Array
  readonly root: Root
  readonly rootSha256: string
  readonly certificates: ReadonlyMap<string, Uint8Array>
  readonly keyring: Keyring
}

export function makeWorld(
  seed = "owner",
  terms: Partial<Record<KeyRole, Partial<KeyTerms>>> = {},
): World {
  const signers = {
    root: seededSigner(`${seed}/root`),
    monitor: seededSigner(`${seed}/monitor`),
    ledger: seededSigner(`${seed}/ledger`),
    auditor: seededSigner(`${seed}/auditor`),
  }
  const rootBytes = issueRoot({ workspace, version: 1, threshold: 1, createdMs: startMs }, [
    signers.root,
  ])
  const root = parseRoot(rootBytes)
  const roles: readonly KeyRole[] = ["monitor", "ledger", "auditor"]
  const certificates = new Map(
    roles.map((role) => [
      signers[role].key.kid,
      issueKeyCertificate(signers[role].key, { ...defaults(role), ...terms[role] }, [signers.root]),
    ]),
  )
  const keyring = openKeyring(root, [...certificates.values()])
  return { signers, rootBytes, root, rootSha256: toHex(root.sha256), certificates, keyring }
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
