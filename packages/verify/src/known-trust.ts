import {
  type CheckpointPin,
  openRevocationList,
  openRootChain,
  type RevocationList,
  type Root,
  type RootChain,
  toHex,
} from "@amc/core"
import type { FindingList } from "./finding-list.ts"

/** What a verifier saw before under the same pinned root. It comes from its own memory, never from an artifact. */
export interface KnownTrust {
  /** The versions of the root, in order from 1. */
  readonly roots: readonly Uint8Array[]
  readonly revocations: Uint8Array
  /** Checkpoints of this ledger, with the time at which this verifier first saw them. */
  readonly pins: readonly CheckpointPin[]
}

/** The part of an artifact's trust that has versions. */
export interface VersionedTrust {
  readonly roots: readonly Uint8Array[]
  readonly revocations: Uint8Array
}

/** The newest root and revocation list that artifact and verifier know between them, with their files. */
export interface CurrentTrust {
  readonly roots: RootChain
  readonly revocations: RevocationList
  readonly files: VersionedTrust
}

export interface TrustTerms {
  readonly rootSha256: string
  readonly known?: KnownTrust | undefined
}

/**
 * The newest of what an artifact brings along and what the verifier remembers, so that an artifact can't
 * take either back to an older version. Two different files of one version are a fork of the owner's word.
 *
 * @throws {@link AmcError} what is wrong with the verifier's own memory
 */
export function openCurrentTrust(
  brought: VersionedTrust,
  { rootSha256, known }: TrustTerms,
  findings: FindingList,
): CurrentTrust | undefined {
  const chain = openBrought(brought.roots, rootSha256, findings)
  if (chain === undefined) return undefined
  const last = known && openRootChain(known.roots, rootSha256)
  if (last !== undefined && !isSameChain(chain, last)) {
    findings.add(forked("root", "trust/roots"))
    return undefined
  }
  const isNewer = last === undefined || chain.current.version >= last.current.version
  const roots = isNewer ? chain : last
  const files = isNewer ? brought.roots : (known?.roots ?? [])
  const list = newestList(brought, known, { chain, last, current: roots.current }, findings)
  return list && { roots, revocations: list.list, files: { roots: files, revocations: list.bytes } }
}

/** What is out of date at a time: nobody may serve an old root or list for ever. */
export function expiryFindings({ roots, revocations }: CurrentTrust, atMs: number): Expired[] {
  const found: Expired[] = []
  if (roots.current.expiresMs < atMs)
    found.push(expired("trust/root-expired", `version ${roots.current.version} of the root`))
  if (revocations.expiresMs < atMs)
    found.push(
      expired("trust/revocations-expired", `version ${revocations.version} of the revocation list`),
    )
  return found
}

interface Expired {
  readonly code: "trust/root-expired" | "trust/revocations-expired"
  readonly subject: string
  readonly detail: string
  readonly tampered: false
}

function expired(code: Expired["code"], what: string): Expired {
  const detail = `${what} has expired; ask the owner for a newer one, or judge at an earlier time with --at`
  return { code, subject: "trust", detail, tampered: false }
}

function openBrought(
  files: readonly Uint8Array[],
  rootSha256: string,
  findings: FindingList,
): RootChain | undefined {
  const terms = { code: "trust/root-invalid", subject: "trust/roots", tampered: false } as const
  return findings.attempt(terms, () => openRootChain(files, rootSha256))
}

function isSameChain(a: RootChain, b: RootChain): boolean {
  return a.versions.every((root, at) => {
    const other = b.versions[at]
    return other === undefined || toHex(other.sha256) === toHex(root.sha256)
  })
}

interface Chains {
  readonly chain: RootChain
  readonly last: RootChain | undefined
  readonly current: Root
}

interface OpenedList {
  readonly list: RevocationList
  readonly bytes: Uint8Array
}

function newestList(
  brought: VersionedTrust,
  known: KnownTrust | undefined,
  { chain, last, current }: Chains,
  findings: FindingList,
): OpenedList | undefined {
  const subject = "trust/revocations.json"
  const terms = { code: "trust/revocations-invalid", subject, tampered: false } as const
  const theirs = findings.attempt(terms, () =>
    openRevocationList(brought.revocations, chain.current),
  )
  if (theirs === undefined) return undefined
  const ours = known && last && openRevocationList(known.revocations, last.current)
  // A new root's owners number their list as they like: those of the one before may have been thieves.
  const isRootNewer = last !== undefined && chain.current.version > last.current.version
  if (ours === undefined || known === undefined || isRootNewer)
    return { list: theirs, bytes: brought.revocations }
  if (theirs.version === ours.version && theirs.sha256 !== ours.sha256) {
    findings.add(forked("revocation list", subject))
    return undefined
  }
  // A list of owners who have been replaced does not count, whatever version it says it is.
  const isCurrent = chain.current.version === current.version && theirs.version >= ours.version
  return isCurrent
    ? { list: theirs, bytes: brought.revocations }
    : { list: ours, bytes: known.revocations }
}

function forked(
  what: string,
  subject: string,
): { code: "trust/forked"; subject: string; detail: string; tampered: true } {
  const detail = `two different files of one version of the ${what} are signed by its owners`
  return { code: "trust/forked", subject, detail, tampered: true }
}
