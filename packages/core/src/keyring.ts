import type { PublicKey } from "./public-key.ts"
import { malformed } from "./errors.ts"
import { type KeyCertificate, type KeyRole, openKeyCertificate } from "./key-certificate.ts"
import type { Root } from "./root.ts"

/** Where and when a signature was made, as its event says. */
export interface SigningPlace {
  readonly lane: string
  readonly index: number
  readonly ts: number
}

/** The keys that a pinned root certified. Keys that come with an artifact count only through it. */
export class Keyring {
  readonly #certificates: ReadonlyMap<string, KeyCertificate>
  readonly root: Root

  constructor(root: Root, certificates: readonly KeyCertificate[]) {
    this.root = root
    this.#certificates = new Map(
      certificates.map((certificate) => [certificate.key.kid, certificate]),
    )
    if (this.#certificates.size !== certificates.length) throw malformed("a key is certified twice")
  }

  /** All keys of a role, whatever their window. */
  keys(role: KeyRole): ReadonlyMap<string, PublicKey> {
    const ofRole = [...this.#certificates.values()].filter(
      (certificate) => certificate.role === role,
    )
    return new Map(ofRole.map(({ key }) => [key.kid, key]))
  }

  /** The lanes that monitor keys may write, in order. */
  lanes(): readonly string[] {
    const lanes = [...this.#certificates.values()].flatMap((certificate) =>
      certificate.role === "monitor" ? certificate.lanes : [],
    )
    return [...new Set(lanes)].sort()
  }

  /** The monitor key of this id, if it may sign at this place. */
  monitorKey(kid: string, { lane, index, ts }: SigningPlace): PublicKey | undefined {
    const certificate = this.#certificates.get(kid)
    if (certificate?.role !== "monitor" || !certificate.lanes.includes(lane)) return undefined
    return isWithin(certificate, index, ts) ? certificate.key : undefined
  }
}

/**
 * Builds the keyring of a root from the certificates that it signed.
 *
 * @throws {@link AmcError} `input/malformed`, `key/refused`
 */
export function openKeyring(root: Root, certificates: readonly Uint8Array[]): Keyring {
  return new Keyring(
    root,
    certificates.map((bytes) => openKeyCertificate(bytes, root)),
  )
}

function isWithin(certificate: KeyCertificate, index: number, ts: number): boolean {
  const { validFromIndex, validToIndex, validFromMs, validToMs } = certificate
  return (
    index >= validFromIndex &&
    index <= (validToIndex ?? index) &&
    ts >= validFromMs &&
    ts <= (validToMs ?? ts)
  )
}
