import type { PublicKey } from "./public-key.ts"
import { malformed } from "./errors.ts"
import { type KeyCertificate, type KeyRole, openKeyCertificate } from "./key-certificate.ts"
import { openRevocationList, type Revocation, type RevocationList } from "./revocation-list.ts"
import { openRootChain, type RootChain } from "./root-chain.ts"

/** Where and when a signature was made, as far as what it signs tells. */
export interface SigningPlace {
  /** The lane of an event or receipt. */
  readonly lane?: string
  /** The ledger index that the signature belongs to. */
  readonly index: number
  /** Milliseconds; absent where what is signed holds no time. */
  readonly ts?: number
}

/** Why a signature by a key does not count, although it verifies. */
export type KeyFlaw =
  | "uncertified"
  | "another-role"
  | "another-lane"
  | "outside-window"
  | "superseded"
  | "compromised"

/** A checkpoint that is known to have existed at a time: what it covers was signed before that. */
export interface CheckpointPin {
  readonly size: number
  readonly root_sha256: string
  readonly seen_ms: number
  /** Of a ledger of this machine's own, as it wrote it; absent for what it accepted of somebody. */
  readonly own?: true | undefined
}

/** What a keyring is opened from. Nothing in it is trusted but through the pinned digest. */
export interface TrustFiles {
  /** The versions of the root, in order from 1. */
  readonly roots: readonly Uint8Array[]
  readonly revocations: Uint8Array
  readonly certificates: readonly Uint8Array[]
}

/** The keys that a pinned root certified. Keys that come with an artifact count only through it. */
export class Keyring {
  readonly roots: RootChain
  readonly revocations: RevocationList
  readonly certificates: ReadonlyMap<string, KeyCertificate>
  readonly pins: readonly CheckpointPin[]

  /**
   * @param pins checkpoints of this very ledger, which vouch for what a key signed before it was stolen
   * @throws {@link AmcError} `input/malformed` for a key that is certified twice
   */
  constructor(
    roots: RootChain,
    revocations: RevocationList,
    certificates: readonly KeyCertificate[],
    pins: readonly CheckpointPin[] = [],
  ) {
    this.roots = roots
    this.revocations = revocations
    this.certificates = new Map(
      certificates.map((certificate) => [certificate.key.kid, certificate]),
    )
    this.pins = pins
    if (this.certificates.size !== certificates.length) throw malformed("a key is certified twice")
  }

  get workspace(): string {
    return this.roots.pinned.workspace
  }

  /** The same keys, for one who knows that these checkpoints existed at their times. */
  withPins(pins: readonly CheckpointPin[]): Keyring {
    return new Keyring(this.roots, this.revocations, [...this.certificates.values()], pins)
  }

  /** All keys of a role, whatever their window and whether or not they were revoked. */
  keys(role: KeyRole): ReadonlyMap<string, PublicKey> {
    const ofRole = [...this.certificates.values()].filter(
      (certificate) => certificate.role === role,
    )
    return new Map(ofRole.map(({ key }) => [key.kid, key]))
  }

  /** The keys of a role whose signatures count at a place or at any later one. */
  keysFrom(role: KeyRole, place: SigningPlace): ReadonlyMap<string, PublicKey> {
    const live = [...this.keys(role)].filter(([kid]) => this.flawFrom(role, kid, place) === null)
    return new Map(live)
  }

  /** The keys of a role that may sign something new at a time; of the monitor's, in a lane. */
  keysNow(role: KeyRole, ms: number, lane = ""): ReadonlyMap<string, PublicKey> {
    return this.keysFrom(role, { lane, index: Number.MAX_SAFE_INTEGER, ts: ms })
  }

  /** The lanes that monitor keys may write, in order. */
  lanes(): readonly string[] {
    const lanes = [...this.certificates.values()].flatMap((certificate) =>
      certificate.role === "monitor" ? certificate.lanes : [],
    )
    return [...new Set(lanes)].sort()
  }

  /** Why a signature by this key in this role and place does not count, or null if it does. */
  flawOf(role: KeyRole, kid: string, place: SigningPlace): KeyFlaw | null {
    const certificate = this.certificates.get(kid)
    if (certificate === undefined) return "uncertified"
    if (certificate.role !== role) return "another-role"
    if (role === "monitor" && !certificate.lanes.includes(place.lane ?? "")) return "another-lane"
    if (!isWithin(certificate, place)) return "outside-window"
    const revocation = this.revocations.revoked.get(kid)
    return revocation === undefined ? null : this.#revocationFlaw(revocation, place)
  }

  /** The same for what was signed at this place or at any later one. */
  flawFrom(role: KeyRole, kid: string, { index, ts = 0, ...place }: SigningPlace): KeyFlaw | null {
    const { validFromIndex = 0, validFromMs = 0 } = this.certificates.get(kid) ?? {}
    const from = { index: Math.max(index, validFromIndex), ts: Math.max(ts, validFromMs) }
    return this.flawOf(role, kid, { ...place, ...from })
  }

  /** The monitor key of this id, if it may sign at this place. */
  monitorKey(kid: string, place: SigningPlace): PublicKey | undefined {
    if (this.flawOf("monitor", kid, place) !== null) return undefined
    return this.certificates.get(kid)?.key
  }

  #revocationFlaw(revocation: Revocation, { index, ts }: SigningPlace): KeyFlaw | null {
    const { reason, from_index, from_ms } = revocation
    if (reason === "compromised") return index < this.#covered(from_ms) ? null : "compromised"
    const isBefore = (from_index === null || index < from_index) && (ts ?? 0) <= from_ms
    return isBefore ? null : "superseded"
  }

  /** How many events are known to have been there before a time. */
  #covered(ms: number): number {
    return Math.max(0, ...this.pins.filter((pin) => pin.seen_ms < ms).map(({ size }) => size))
  }
}

/**
 * Opens the keyring of a pinned root: its versions, its list of revocations and the certificates, all
 * signed as they must be.
 *
 * @throws {@link AmcError} `root/unknown`, `root/broken-chain`, `input/malformed`, `key/refused`
 */
export function openKeyring(files: TrustFiles, pinnedSha256: string): Keyring {
  const roots = openRootChain(files.roots, pinnedSha256)
  const revocations = openRevocationList(files.revocations, roots.current)
  const certificates = files.certificates.map((bytes) => openKeyCertificate(bytes, roots.current))
  return new Keyring(roots, revocations, certificates)
}

function isWithin(certificate: KeyCertificate, { index, ts }: SigningPlace): boolean {
  const { validFromIndex, validToIndex, validFromMs, validToMs } = certificate
  const at = ts ?? validFromMs
  return (
    index >= validFromIndex &&
    index <= (validToIndex ?? index) &&
    at >= validFromMs &&
    at <= (validToMs ?? at)
  )
}
