import { countersignKeyCertificate, issueRevocationList, issueRoot, type Signer } from "@amc/core"
import { keyNames } from "./lane-signer.ts"
import { generatePrivateKey, privateKeySigner } from "./private-key.ts"
import { type KeyChangeTerms, replacePublic, requireThreshold } from "./key-change.ts"
import { readTrustFiles } from "./trust-files.ts"
import { certificatePath, rootPath, trustPaths, vaultPathOf } from "./trust-paths.ts"
import { revocationListLifetimeMs, rootLifetimeMs, writePublic } from "./trust.ts"
import { changeSlot } from "./vault.ts"

/** A change of the owners' keys. `owners` are those of the root that is replaced. */
export interface RootChangeTerms extends KeyChangeTerms {
  readonly newOwners: readonly Signer[]
  readonly threshold: number
}

/**
 * Makes the next version of the root. Certificates and the revocation list are signed by both old and new
 * owners first, so that they count before and after the one step that makes the new version current.
 *
 * @throws {@link AmcError} `root/threshold`, `workspace/unwritable`
 */
export function changeRoot(terms: RootChangeTerms): void {
  const { dir, keyring, owners, newOwners, threshold, nowMs } = terms
  const { workspace, roots, revocations } = keyring
  requireThreshold(owners, roots.current)
  const version = roots.current.version + 1
  const root = issueRoot(
    { workspace, version, threshold, createdMs: nowMs, expiresMs: nowMs + rootLifetimeMs },
    newOwners,
    owners,
  )
  const both = [...new Map([...owners, ...newOwners].map((one) => [one.key.kid, one])).values()]
  const kept = new Set(roots.current.keys.map(({ kid }) => kid))
  for (const [kid, bytes] of readTrustFiles(dir).byKid)
    replacePublic(certificatePath(dir, kid), countersignKeyCertificate(bytes, newOwners, kept))
  const list = {
    workspace,
    version: revocations.version + 1,
    createdMs: nowMs,
    expiresMs: nowMs + revocationListLifetimeMs,
    revoked: [...revocations.revoked.values()],
    certificates: revocations.certificates,
  }
  replacePublic(trustPaths(dir).revocations, issueRevocationList(list, both))
  writePublic(rootPath(dir, version), root)
}

/**
 * Puts a new root key beside the current one into the vault's root slot. Both stay until
 * {@link dropOldRootKeys}, so that a crash leaves the vault with the key that is current.
 *
 * @throws {@link AmcError} as {@link changeSlot}
 */
export async function addRootKey(
  dir: string,
  passphrase: Uint8Array,
  current: ReadonlySet<string>,
): Promise<Signer> {
  const secret = generatePrivateKey()
  const signer = privateKeySigner(secret)
  await changeSlot(vaultPathOf(dir), "root", passphrase, (secrets) => {
    const kept = [...secrets.values()].find((key) => current.has(privateKeySigner(key).key.kid))
    const keys: [string, Uint8Array][] = [[nextKey, secret]]
    return new Map(kept === undefined ? keys : [...keys, [keyNames.root, kept.slice()]])
  })
  return signer
}

/** Keeps only the current root key in the vault's root slot. @throws {@link AmcError} as {@link changeSlot} */
export async function dropOldRootKeys(
  dir: string,
  passphrase: Uint8Array,
  current: ReadonlySet<string>,
): Promise<void> {
  await changeSlot(vaultPathOf(dir), "root", passphrase, (secrets) => {
    const kept = [...secrets.values()].filter((key) => current.has(privateKeySigner(key).key.kid))
    return new Map(kept.map((key) => [keyNames.root, key.slice()]))
  })
}

const nextKey = `${keyNames.root}.next`
