import { AmcError, type CheckpointPin, type Finding, Keyring, openKeyCertificate } from "@amc/core"
import { readTrustFiles } from "@amc/vault"
import {
  type CurrentTrust,
  FindingList,
  openCurrentTrust,
  type RememberedTrust,
  type VersionedTrust,
} from "@amc/verify"
import type { RememberedWorkspace, StateHome } from "./state-home.ts"
import { recallTrust, rememberTrust } from "./verifier-memory.ts"

/**
 * The keyring of a known workspace, never an older one than this machine has seen. What is newer is
 * remembered.
 *
 * @throws {@link AmcError} `root/rolled-back`, `workspace/unknown`, `workspace/missing`, `input/malformed`
 */
export function openTrust(dir: string, known: RememberedWorkspace, state: StateHome): Keyring {
  const files = readTrustFiles(dir)
  const memory = recallTrust(state, known.root_sha256)
  const current = currentOf(files, known, memory)
  const certificates = files.certificates.map((bytes) =>
    openKeyCertificate(bytes, current.roots.current),
  )
  const keyring = new Keyring(current.roots, current.revocations, certificates, memory?.pins)
  if (memory === undefined || isNewer(files, memory)) rememberFiles(files, known, state)
  return keyring
}

/** A workspace whose checkpoints are remembered. */
interface PinnedPlace {
  readonly dir: string
  readonly workspace: string
  readonly rootSha256: string
  readonly state: StateHome
}

/** Remembers when a checkpoint of one's own ledger was there. @throws {@link AmcError} `workspace/unwritable` */
export function pinCheckpoint({ dir, rootSha256, state }: PinnedPlace, pin: CheckpointPin): void {
  const { roots, revocations } = readTrustFiles(dir)
  rememberTrust(state, { rootSha256, roots, revocations, pins: [pin] })
}

/** What is wrong with trust files that are older than what this machine has seen. */
export function rollbackFindings(files: VersionedTrust, current: CurrentTrust): readonly Finding[] {
  const older: string[] = []
  if (current.files.roots !== files.roots) older.push("trust/roots")
  if (current.files.revocations !== files.revocations) older.push("trust/revocations.json")
  const detail = "it is older than this machine has seen it"
  return older.map((subject) => ({ code: "trust/rolled-back", subject, detail, tampered: true }))
}

function currentOf(
  files: VersionedTrust,
  { root_sha256: rootSha256 }: RememberedWorkspace,
  known: RememberedTrust | undefined,
): CurrentTrust {
  const findings = new FindingList()
  const current = openCurrentTrust(files, { rootSha256, known }, findings)
  const [first] = current === undefined ? findings.all() : rollbackFindings(files, current)
  if (current !== undefined && first === undefined) return current
  const code = current === undefined ? "workspace/unknown" : "root/rolled-back"
  throw new AmcError(code, `${first?.subject}: ${first?.detail}`, {
    hint: "put the trust folder back that this machine knows; 'amc verify' tells what is wrong with it",
  })
}

function rememberFiles(
  { roots, revocations }: VersionedTrust,
  { root_sha256: rootSha256 }: RememberedWorkspace,
  state: StateHome,
): void {
  rememberTrust(state, { rootSha256, roots, revocations, pins: [] })
}

function isNewer({ roots, revocations }: VersionedTrust, memory: RememberedTrust): boolean {
  // What is not the same file and was not refused as older is newer.
  return roots.length > memory.roots.length || Buffer.compare(revocations, memory.revocations) !== 0
}
