import { createHash } from "node:crypto"
import type { Readable } from "node:stream"
import { AmcError, type ObservedPayload } from "@amc/core"
import type { GatewayLimits } from "./limits.ts"
import type { SecretScanner } from "./secret-scanner.ts"
import { SpoolFile } from "./spool-file.ts"
import { removeStored, StoredBody } from "./stored-body.ts"

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
  const { limits, reader } = terms
  const hash = createHash("sha256")
  const pieces: Uint8Array[] = []
  let size = 0
  let spooled: SpooledBody | null = null
  try {
    for await (const piece of source) {
      size += piece.length
      if (size > limits.requestBytes) throw tooLarge(limits.requestBytes)
      terms.take(piece.length)
      hash.update(piece)
      reader.push(piece)
      pieces.push(piece)
      if (size <= limits.memoryBytes) continue
      spooled ??= await SpooledBody.create(terms)
      for (const each of pieces.splice(0)) await spooled.push(each)
    }
    const seen = { sha256: hash.digest("hex"), size }
    if (spooled !== null) return await spooled.end(seen)
    return await inMemory(Buffer.concat(pieces), seen, terms)
  } catch (error) {
    await spooled?.discard()
    throw error
  }
}

/** The fault of a body that is longer than allowed. */
export function tooLarge(most: number): AmcError {
  return new AmcError("gateway/body-too-large", `a request body may have ${most} bytes`)
}

type Seen = Pick<RequestBody, "sha256" | "size">

async function inMemory(bytes: Buffer, seen: Seen, terms: BodyTerms): Promise<RequestBody> {
  return {
    ...seen,
    ...(await StoredBody.ofBytes(bytes, terms)),
    open: () => (bytes.length === 0 ? null : bytes),
    close: () => Promise.resolve(),
  }
}

/** A body on the disk twice: as it came, to be forwarded, without a name; and as it may be stored. */
class SpooledBody {
  readonly #came: SpoolFile
  readonly #stored: StoredBody

  private constructor(came: SpoolFile, stored: StoredBody) {
    this.#came = came
    this.#stored = stored
  }

  static async create(terms: BodyTerms): Promise<SpooledBody> {
    const came = await SpoolFile.nameless(terms.spoolDir, terms.random)
    try {
      const stored = await StoredBody.inFile(terms, terms.limits.storedRequestBytes)
      return new SpooledBody(came, stored)
    } catch (error) {
      await came.close()
      throw error
    }
  }

  async push(piece: Uint8Array): Promise<void> {
    await this.#came.append(piece)
    await this.#stored.push(piece)
  }

  async end(seen: Seen): Promise<RequestBody> {
    const storable = await this.#stored.end()
    return {
      ...seen,
      ...storable,
      open: () => this.#came.read(),
      close: async (isRecorded) => {
        await this.#came.close()
        if (!isRecorded) await removeStored(storable.blob)
      },
    }
  }

  async discard(): Promise<void> {
    await this.#came.close()
    await this.#stored.discard()
  }
}
