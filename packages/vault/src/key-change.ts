import {
  AmcError,
  issueKeyCertificate,
  issueRevocationList,
  keysMax,
  type Keyring,
  type KeyRole,
  type KeyTerms,
  type Revocation,
  revokedCertificatesMax,
  type Root,
  type Signer,
} from "@amc/core"
import { replaceFile } from "./durable-file.ts"
import { withFileLock } from "./file-lock.ts"
import { keyNames } from "./lane-signer.ts"
import { generatePrivateKey, privateKeySigner } from "./private-key.ts"
import { certificatePath, trustPaths, vaultPathOf } from "./trust-paths.ts"
import { revocationListLifetimeMs, slotOfRole, writePublic } from "./trust.ts"
import { changeSlot } from "./vault.ts"

/** Who asks for a change of keys, and when. */
export interface KeyChangeTerms {
  /** The workspace folder, `.amc`. */
  readonly dir: string
  readonly keyring: Keyring
  /** Signers of the root's keys, at least as many as its threshold. */
  readonly owners: readonly Signer[]
  readonly nowMs: number
}

/** Which key is to be replaced, and from where on. */
export interface RotationTerms extends KeyChangeTerms {
  readonly role: KeyRole
  /** Of the slot that holds the role's key ({@link slotOfRole}). The caller wipes it. */
  readonly passphrase: Uint8Array
  /** The first ledger index that the new key may sign. Nobody else may write the ledger meanwhile. */
  readonly fromIndex: number
  /** Not before the ledger's last event. */
  readonly fromMs: number
}

/**
 * Replaces the key of a role: certifies a new one, puts it into the vault in place of the old, and lists the
 * old one as superseded. After a crash between any two steps the key in the vault is certified for what it
 * signs, and the next rotation finishes the list.
 *
 * @throws {@link AmcError} `root/threshold`, `key/too-many`; as {@link changeSlot}; `workspace/unwritable`
 */
export async function rotateRoleKey(terms: RotationTerms): Promise<{ readonly kid: string }> {
  const { dir, keyring, owners, role, passphrase, fromIndex, fromMs } = terms
  requireThreshold(owners, keyring.roots.current)
  const ended = [...keyring.keys(role).keys()].filter(
    (kid) => !keyring.revocations.revoked.has(kid),
  )
  // Before anything is written: a key that is replaced and can't be listed would go on counting.
  requireRoom(keyring.certificates.size + 1)
  requireRoom(keyring.revocations.revoked.size + ended.length)
  const secret = generatePrivateKey()
  const { key } = privateKeySigner(secret)
  const certificate = issueKeyCertificate(key, certificateTerms(terms), owners)
  writePublic(certificatePath(dir, key.kid), certificate)
  // The map is wiped by the vault, and the old key with it.
  await changeSlot(vaultPathOf(dir), slotOfRole[role], passphrase, (secrets) =>
    new Map(secrets).set(keyNames[role], secret),
  )
  addRevocations(
    terms,
    ended.map((kid) => ({ kid, reason: "superseded", from_index: fromIndex, from_ms: fromMs })),
  )
  return { kid: key.kid }
}

/**
 * Lists a key as stolen from a time on. What it signed counts only if it is shown to be older.
 *
 * @throws {@link AmcError} `root/threshold`, `key/unknown`, `workspace/unwritable`
 */
export function revokeKey(terms: KeyChangeTerms, kid: string, compromisedFromMs: number): void {
  requireThreshold(terms.owners, terms.keyring.roots.current)
  if (!terms.keyring.certificates.has(kid))
    throw new AmcError("key/unknown", `the root certified no key ${kid}`)
  const before = terms.keyring.revocations.revoked.get(kid)
  const earlier = before?.reason === "compromised" ? before.from_ms : compromisedFromMs
  const from_ms = Math.min(earlier, compromisedFromMs)
  addRevocations(terms, [{ kid, reason: "compromised", from_index: null, from_ms }])
}

/**
 * Lists a certificate as taken back, by the digest of its statement. One that is listed stays as it is.
 *
 * @throws {@link AmcError} `root/threshold`, `key/too-many`, `workspace/unwritable`
 */
export function revokeCertificate(terms: KeyChangeTerms, sha256: string): void {
  requireThreshold(terms.owners, terms.keyring.roots.current)
  if (terms.keyring.revocations.certificates.size >= revokedCertificatesMax)
    throw new AmcError(
      "key/too-many",
      `a workspace takes back ${revokedCertificatesMax} certificates at most in all its life`,
      { hint: "revoke the auditor's key, which ends all that it signed" },
    )
  addRevocations(terms, [], new Map([[sha256, terms.nowMs]]))
}

/** Issues the next version of the list, for another year, with these entries in place of older ones. */
export function addRevocations(
  { dir, keyring, owners, nowMs }: KeyChangeTerms,
  added: readonly Revocation[],
  taken: ReadonlyMap<string, number> = new Map(),
): void {
  requireThreshold(owners, keyring.roots.current)
  const { version, revoked, certificates } = keyring.revocations
  const entries = new Map([...revoked, ...added.map((each) => [each.kid, each] as const)])
  requireRoom(entries.size)
  const bytes = issueRevocationList(
    {
      workspace: keyring.workspace,
      version: version + 1,
      createdMs: nowMs,
      expiresMs: nowMs + revocationListLifetimeMs,
      revoked: [...entries.values()],
      certificates: new Map([...taken, ...certificates]),
    },
    owners,
  )
  replacePublic(trustPaths(dir).revocations, bytes)
}

/** Replaces a file of the public half in one durable step. */
export function replacePublic(path: string, bytes: Uint8Array): void {
  withFileLock(path, () => replaceFile(path, bytes))
}

/** @throws {@link AmcError} `root/threshold` if too few of these signers are the root's */
export function requireThreshold(owners: readonly Signer[], root: Root): void {
  const kids = new Set(root.keys.map(({ kid }) => kid))
  const count = new Set(owners.map(({ key }) => key.kid).filter((kid) => kids.has(kid))).size
  if (count >= root.threshold) return
  throw new AmcError(
    "root/threshold",
    `${root.threshold} of the root's ${root.keys.length} keys are needed, and ${count} can sign here`,
    { hint: "name the owners' key files with --root-key, once for each" },
  )
}

/** @throws {@link AmcError} `key/too-many` if a workspace would have more keys than the formats hold */
function requireRoom(count: number): void {
  if (count <= keysMax) return
  throw new AmcError("key/too-many", `a workspace has ${keysMax} keys at most in all its life`, {
    hint: "start a new workspace; this one's evidence goes on counting",
  })
}

function certificateTerms(terms: RotationTerms): KeyTerms {
  const { keyring, role, fromIndex, fromMs } = terms
  return {
    workspace: keyring.workspace,
    role,
    lanes: role === "monitor" ? [...keyring.lanes()] : [],
    valid_from_index: fromIndex,
    valid_to_index: null,
    valid_from_ms: fromMs,
    valid_to_ms: null,
  }
}
