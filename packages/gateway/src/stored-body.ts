import { rm } from "node:fs/promises"
import type { ObservedPayload } from "@amc/core"
import type { GatewayLimits } from "./limits.ts"
import type { SecretScanner, SecretStream } from "./secret-scanner.ts"
import { SpoolFile } from "./spool-file.ts"

export interface StoreTerms {
  readonly limits: Pick<GatewayLimits, "memoryBytes">
  readonly spoolDir: string
  readonly random: (size: number) => Uint8Array
  readonly secrets: SecretScanner
}

/** Bytes that may be stored, and how many secrets they had. */
export interface Storable {
  readonly blob: ObservedPayload["blob"]
  /** Whether they are in memory as they came: their digest is known. */
  readonly isAsDelivered: boolean
  readonly secretsFound: number
}

/**
 * The one place where bodies get ready to be stored: known secrets are redacted before a byte has a name on the
 * disk, so that nothing that a crash leaves holds one.
 */
export class StoredBody {
  readonly #redact: SecretStream
  readonly #sizeMax: number
  #file: SpoolFile | null
  #size = 0

  private constructor(secrets: SecretScanner, file: SpoolFile, sizeMax: number) {
    this.#redact = secrets.stream()
    this.#file = file
    this.#sizeMax = sizeMax
  }

  /** Takes a body in pieces, into a file; one of more than `sizeMax` bytes is looked through and not stored. */
  static async inFile(terms: StoreTerms, sizeMax: number): Promise<StoredBody> {
    const file = await SpoolFile.create(terms.spoolDir, terms.random)
    return new StoredBody(terms.secrets, file, sizeMax)
  }

  /** Takes bytes that are here in full. */
  static async ofBytes(bytes: Uint8Array, terms: StoreTerms): Promise<Storable> {
    if (bytes.length > terms.limits.memoryBytes) {
      const body = await StoredBody.inFile(terms, bytes.length)
      try {
        await body.push(bytes)
        return await body.end()
      } catch (error) {
        await body.discard()
        throw error
      }
    }
    return storable(bytes, terms.secrets)
  }

  async push(piece: Uint8Array): Promise<void> {
    this.#size += piece.length
    const redacted = this.#redact.push(piece)
    if (this.#size > this.#sizeMax) await this.discard()
    else await this.#file?.append(redacted)
  }

  /** The file stays for the recorder to take over. */
  async end(): Promise<Storable> {
    const rest = this.#redact.end()
    const secretsFound = this.#redact.found
    const file = this.#file
    if (file === null) return { blob: null, isAsDelivered: false, secretsFound }
    await file.append(rest)
    await file.close()
    return { blob: { path: file.path }, isAsDelivered: false, secretsFound }
  }

  /** Forgets what was stored. What comes is still looked through. */
  async discard(): Promise<void> {
    const file = this.#file
    this.#file = null
    await file?.close()
    await file?.remove()
  }
}

/** Bytes in memory as they may be stored. */
export function storable(bytes: Uint8Array, secrets: SecretScanner): Storable {
  const secretsFound = secrets.count(bytes)
  const isAsDelivered = secretsFound === 0
  const blob = isAsDelivered ? bytes : secrets.redact(bytes)
  return { blob: bytes.length === 0 ? null : blob, isAsDelivered, secretsFound }
}

/** Removes the file of a body that the recorder did not take over. */
export async function removeStored(blob: Storable["blob"]): Promise<void> {
  if (blob !== null && "path" in blob) await rm(blob.path, { force: true })
}
