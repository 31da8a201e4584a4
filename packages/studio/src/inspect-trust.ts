import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"
import {
  AmcError,
  isFault,
  type KeyCertificate,
  Keyring,
  openKeyCertificate,
  openRootChain,
  type Root,
} from "@amc/core"
import { rootPath, trustPaths } from "@amc/vault"
import {
  expiryFindings,
  FindingList,
  openCurrentTrust,
  type RememberedTrust,
  type VersionedTrust,
} from "@amc/verify"
import type { Look } from "./look.ts"
import type { RememberedWorkspace, StateHome } from "./state-home.ts"
import { readRegularFile } from "./regular-file.ts"
import { recallTrust } from "./verifier-memory.ts"
import { rollbackFindings } from "./workspace-trust.ts"

const fileSizeMax = 1 << 20

export interface InspectTerms {
  readonly dir: string
  readonly known: RememberedWorkspace
  readonly state: StateHome
  readonly now: number
}

/** The keyring of a workspace as a verifier looks at it: what does not hold becomes a finding. */
export function inspectTrust(terms: InspectTerms, look: Look): Keyring | undefined {
  const { dir, known, state, now } = terms
  const { findings } = look
  const files = readVersioned(dir, findings)
  if (files === undefined) return undefined
  if (!isPinnedChain(files, known, findings)) return undefined
  const memory = look.own("what this machine remembers of the trust", () =>
    recallWhole(state, known.root_sha256, files),
  )
  const trust = { rootSha256: known.root_sha256, known: memory }
  const current = openCurrentTrust(files, trust, findings)
  if (current === undefined) return undefined
  findings.addAll([...rollbackFindings(files, current), ...expiryFindings(current, now)])
  const { roots, revocations } = current
  const certificates = inspectCertificates(dir, roots.current, findings)
  return findings.attempt(
    { code: "trust/certificate-invalid", subject: "trust/keys", tampered: true },
    () => new Keyring(roots, revocations, certificates, memory?.pins),
  )
}

/** A memory that does not hold is told as such, not as a fault of the files. */
function recallWhole(
  state: StateHome,
  rootSha256: string,
  files: VersionedTrust,
): RememberedTrust | undefined {
  const known = recallTrust(state, rootSha256)
  openCurrentTrust(files, { rootSha256, known }, new FindingList())
  return known
}

/** On the owner's own machine a root that does not fit was changed; elsewhere it may be a stranger's. */
function isPinnedChain(
  files: VersionedTrust,
  { root_sha256 }: RememberedWorkspace,
  findings: FindingList,
): boolean {
  const terms = { code: "trust/root-contradicted", subject: "trust/roots", tampered: true } as const
  const chain = findings.attempt(terms, () => {
    try {
      return openRootChain(files.roots, root_sha256)
    } catch (cause) {
      if (!isFault(cause, "root/unknown")) throw cause
      const message = "it is not the root that this machine remembers"
      throw new AmcError("root/unknown", message, { cause })
    }
  })
  return chain !== undefined
}

function readVersioned(dir: string, findings: FindingList): VersionedTrust | undefined {
  const paths = trustPaths(dir)
  const count = jsonIn(paths.roots).length
  const roots = Array.from({ length: Math.max(1, count) }, (_, at) =>
    readOrFind(rootPath(dir, at + 1), `trust/roots/${at + 1}.json`, findings),
  )
  const revocations = readOrFind(paths.revocations, "trust/revocations.json", findings)
  const whole = roots.flatMap((bytes) => bytes ?? [])
  if (revocations === undefined || whole.length < roots.length) return undefined
  return { roots: whole, revocations }
}

function inspectCertificates(dir: string, root: Root, findings: FindingList): KeyCertificate[] {
  const { keys } = trustPaths(dir)
  return jsonIn(keys).flatMap((name) => {
    const subject = `trust/keys/${name}`
    const bytes = readOrFind(join(keys, name), subject, findings)
    if (bytes === undefined) return []
    const terms = { code: "trust/certificate-invalid", subject, tampered: true } as const
    return findings.attempt(terms, () => openKeyCertificate(bytes, root)) ?? []
  })
}

function jsonIn(folder: string): readonly string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .sort()
}

function readOrFind(path: string, subject: string, findings: FindingList): Uint8Array | undefined {
  const terms = { code: "trust/not-a-file", subject, tampered: true } as const
  const bytes = findings.attempt(terms, () => readIfReadable(path, subject))
  if (bytes === null)
    findings.add({ code: "trust/missing", subject, detail: "it can't be read", tampered: false })
  return bytes ?? undefined
}

function readIfReadable(path: string, subject: string): Uint8Array | null {
  try {
    return readRegularFile(path, subject, fileSizeMax)
  } catch (error) {
    if (isFault(error, "input/unreadable")) return null
    throw error
  }
}
