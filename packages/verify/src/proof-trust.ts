import {
  type Checkpoint,
  fromHex,
  Keyring,
  type NoteVerifier,
  openKeyCertificate,
  type ProofExtra,
  type TlogProof,
  toHex,
  verifyTlogProof,
} from "@amc/core"
import type { FindingList } from "./finding-list.ts"
import { keyFindings } from "./key-check.ts"
import {
  expiryFindings,
  type KnownTrust,
  openCurrentTrust,
  type VersionedTrust,
} from "./known-trust.ts"
import { checkpointUse, openSignedCheckpoint } from "./signed-checkpoint.ts"

/** What a verifier of a proof trusts: an owner's root, or keys of ledgers and nothing more. */
export type ProofTrust =
  | {
      /** The digest of root 1 that was learnt out of band, 64 hexadecimal digits. */
      readonly rootSha256: string
      /** What this verifier saw before under this root. */
      readonly known?: KnownTrust | undefined
      /** The time that expiry is judged at. */
      readonly atMs: number
    }
  | { readonly verifiers: readonly NoteVerifier[] }

/** The keys that count, with their files where a root stands for them. */
export type OpenProofTrust =
  | { readonly keyring: Keyring; readonly files: VersionedTrust; readonly origin: string }
  | { readonly keyring: null; readonly verifiers: readonly NoteVerifier[] }

/** Opens the keys that count, by what the proof brings along if a root stands for it. */
export function openProofTrust(
  extra: ProofExtra | null,
  trust: ProofTrust,
  findings: FindingList,
): OpenProofTrust | undefined {
  if ("verifiers" in trust) return { keyring: null, verifiers: trust.verifiers }
  if (extra === null) {
    findings.add({
      code: "proof/no-keys",
      subject: "proof",
      detail:
        "it brings no certificates along that a root could stand for; a ledger's key is needed",
      tampered: false,
    })
    return undefined
  }
  const current = openCurrentTrust(extra, trust, findings)
  if (current === undefined) return undefined
  findings.addAll(expiryFindings(current, trust.atMs))
  const subject = "certificates"
  const terms = { code: "trust/certificate-invalid", subject, tampered: false } as const
  const keyring = findings.attempt(terms, () => {
    const opened = extra.certificates.map((one) => openKeyCertificate(one, current.roots.current))
    return new Keyring(current.roots, current.revocations, opened, trust.known?.pins)
  })
  const origin = `${current.roots.pinned.workspace}/ledger`
  return keyring && { keyring, files: current.files, origin }
}

/** The checkpoint that a counted key signed and in whose tree the event is. */
export function checkInclusion(
  proof: TlogProof,
  hash: string,
  trust: OpenProofTrust,
  findings: FindingList,
): Checkpoint | undefined {
  const verifiers = trust.keyring === null ? trust.verifiers : verifiersOf(trust)
  const verdict = verifyTlogProof(proof, fromHex(hash), verifiers)
  if (!verdict.accepted) {
    findings.addAll(verdict.findings)
    return undefined
  }
  if (trust.keyring !== null) checkLedgerKey(proof, trust, findings)
  if (trust.keyring !== null) checkPins(verdict.value, trust.keyring, findings)
  return verdict.value
}

function verifiersOf({
  keyring,
  origin,
}: OpenProofTrust & { keyring: Keyring; origin: string }): NoteVerifier[] {
  return [...keyring.keys("ledger").values()].map((key) => ({ name: origin, key }))
}

function checkLedgerKey(
  { checkpoint: note }: TlogProof,
  { keyring, origin }: OpenProofTrust & { keyring: Keyring; origin: string },
  findings: FindingList,
): void {
  const opened = openSignedCheckpoint(note, origin, keyring.keys("ledger"))
  findings.addAll(keyFindings(keyring, { ...checkpointUse(opened), subject: "checkpoint" }))
}

/** Two trees of one size are two histories, and both have the ledger's signature. */
function checkPins({ size, root }: Checkpoint, { pins }: Keyring, findings: FindingList): void {
  const isFork = pins.some((pin) => pin.size === size && pin.root_sha256 !== toHex(root))
  if (isFork)
    findings.add({
      code: "ledger/forked",
      subject: "checkpoint",
      detail: `this machine has seen another tree of ${size} events of this ledger`,
      tampered: true,
    })
}
