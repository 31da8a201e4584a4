import { createHash } from "node:crypto"
import type { Readable } from "node:stream"
import { AmcError, type ObservedPayload } from "@amc/core"
import type { GatewayLimits } from "./limits.ts"
import type { SecretScanner } from "./secret-scanner.ts"
import { SpoolFile } from "./spool-file.ts"

/** Reads a body while it comes in. */
export interface BodyReader {
  push(piece: Uint8Array): void
}

export interface BodyTerms {
  readonly limits: Pick<GatewayLimits, "requestBytes" | "memoryBytes" | "storedRequestBytes">
  readonly spoolDir: string
  readonly random: (size: number) => Uint8Array
  readonly secrets: SecretScanner
  readonly reader: BodyReader
  /** Counts what comes in; it throws when the lease has no more. */
  readonly take: (bytes: number) => void
}

/** A request body that is here in full. */
export interface RequestBody {
  readonly sha256: string
  readonly size: number
  readonly secretsFound: number
  /** What to store: the bytes with secrets redacted; null for nothing, or more than is stored. */
  readonly blob: ObservedPayload["blob"]
  /** The bytes to forward, as they came. */
  open(): Buffer | Readable | null
  /** Ends the use of the body. A stored file stays if the recorder has it. */
  close(isRecorded: boolean): Promise<void>
}

/**
 * Reads a body to its end, in memory or in a file.
 *
 * @throws {@link AmcError} `gateway/body-too-large`, what `take` throws; and whatever the stream or the disk fails with
 */
export async function readBody(
  source: AsyncIterable<Uint8Array>,
  terms: BodyTerms,
): Promise<RequestBody> {
  const { limits, secrets, reader } = terms
  const hash = createHash("sha256")
  const scan = secrets.stream()
  const pieces: Uint8Array[] = []
  let size = 0
  let spool: SpoolFile | null = null
  try {
    for await (const piece of source) {
      size += piece.length
      if (size > limits.requestBytes) throw tooLarge(limits.requestBytes)
      terms.take(piece.length)
      hash.update(piece)
      reader.push(piece)
      if (spool === null) pieces.push(piece)
      if (size <= limits.memoryBytes) continue
      if (spool === null) {
        spool = await SpoolFile.create(terms.spoolDir, terms.random)
        for (const early of pieces.splice(0)) await spoolPiece(spool, scan, early)
      } else await spoolPiece(spool, scan, piece)
    }
    const sha256 = hash.digest("hex")
    if (spool === null) return inMemory(Buffer.concat(pieces), sha256, secrets)
    return await inFile(spool, { sha256, size, secretsFound: scan.found }, terms)
  } catch (error) {
    await spool?.close()
    await spool?.remove()
    throw error
  }
}

/** The fault of a body that is longer than allowed. */
export function tooLarge(most: number): AmcError {
  return new AmcError("gateway/body-too-large", `a request body may have ${most} bytes`)
}

async function spoolPiece(
  spool: SpoolFile,
  scan: { push(piece: Uint8Array): unknown },
  piece: Uint8Array,
): Promise<void> {
  scan.push(piece)
  await spool.append(piece)
}

function inMemory(bytes: Buffer, sha256: string, secrets: SecretScanner): RequestBody {
  const secretsFound = secrets.count(bytes)
  const stored = secretsFound === 0 ? bytes : secrets.redact(bytes)
  return {
    sha256,
    size: bytes.length,
    secretsFound,
    blob: bytes.length === 0 ? null : stored,
    open: () => (bytes.length === 0 ? null : bytes),
    close: () => Promise.resolve(),
  }
}

async function inFile(
  spool: SpoolFile,
  seen: Pick<RequestBody, "sha256" | "size" | "secretsFound">,
  terms: BodyTerms,
): Promise<RequestBody> {
  if (seen.size > terms.limits.storedRequestBytes) return notStored(spool, seen)
  const stored = seen.secretsFound === 0 ? spool : await redactedCopy(spool, terms)
  // The open file is still read from when its name is gone.
  if (stored !== spool) await spool.remove()
  return {
    ...seen,
    blob: { path: stored.path },
    open: () => spool.read(),
    close: async (isRecorded) => {
      await spool.close()
      if (!isRecorded) await stored.remove()
    },
  }
}

/** The open file is all that is left of the body, and goes with the call. */
async function notStored(
  spool: SpoolFile,
  seen: Pick<RequestBody, "sha256" | "size" | "secretsFound">,
): Promise<RequestBody> {
  await spool.remove()
  return { ...seen, blob: null, open: () => spool.read(), close: () => spool.close() }
}

async function redactedCopy(spool: SpoolFile, terms: BodyTerms): Promise<SpoolFile> {
  const copy = await SpoolFile.create(terms.spoolDir, terms.random)
  try {
    const redact = terms.secrets.stream()
    for await (const piece of spool.read()) await copy.append(redact.push(piece as Uint8Array))
    await copy.append(redact.end())
    return copy
  } catch (error) {
    await copy.remove()
    throw error
  } finally {
    await copy.close()
  }
}
