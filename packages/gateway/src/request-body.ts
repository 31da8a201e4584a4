import { createHash, hash } from "node:crypto"
import type { Readable } from "node:stream"
import { AmcError } from "@amc/core"
import type { GatewayLimits } from "./limits.ts"
import { readPieces } from "./piece-reader.ts"
import type { SecretScanner } from "./secret-scanner.ts"
import { SpoolFile } from "./spool-file.ts"
import { removeStored, type Storable, storable, StoredBody } from "./stored-body.ts"

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
export interface RequestBody extends Storable {
  readonly sha256: string
  readonly size: number
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
export async function readBody(source: Readable, terms: BodyTerms): Promise<RequestBody> {
  const intake = new BodyIntake(terms)
  try {
    await readPieces(source, (piece) => intake.push(piece))
    return await intake.end()
  } catch (error) {
    await intake.discard()
    throw error
  }
}

/** Takes a body in: into memory, and from there into a file when it grows long. */
class BodyIntake {
  readonly #terms: BodyTerms
  readonly #pieces: Uint8Array[] = []
  #size = 0
  #spooled: SpooledBody | null = null

  constructor(terms: BodyTerms) {
    this.#terms = terms
  }

  push(piece: Uint8Array): Promise<void> | null {
    const { limits, take, reader } = this.#terms
    this.#size += piece.length
    if (this.#size > limits.requestBytes) throw tooLarge(limits.requestBytes)
    take(piece.length)
    reader.push(piece)
    this.#pieces.push(piece)
    return this.#size > limits.memoryBytes ? this.#spool() : null
  }

  async #spool(): Promise<void> {
    this.#spooled ??= await SpooledBody.create(this.#terms)
    for (const piece of this.#pieces.splice(0)) await this.#spooled.push(piece)
  }

  end(): RequestBody | Promise<RequestBody> {
    return this.#spooled?.end(this.#size) ?? inMemory(this.#pieces, this.#terms)
  }

  async discard(): Promise<void> {
    await this.#spooled?.discard()
  }
}

/** The fault of a body that is longer than allowed. */
export function tooLarge(most: number): AmcError {
  return new AmcError("gateway/body-too-large", `a request body may have ${most} bytes`)
}

function inMemory(pieces: readonly Uint8Array[], { secrets }: BodyTerms): RequestBody {
  const [first, ...more] = pieces
  const isOne = first !== undefined && more.length === 0
  const bytes = isOne ? viewOf(first) : Buffer.concat(pieces)
  return {
    sha256: hash("sha256", bytes),
    size: bytes.length,
    ...storable(bytes, secrets),
    open: () => (bytes.length === 0 ? null : bytes),
    close: () => Promise.resolve(),
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}

/** A body on the disk twice: as it came, to be forwarded, without a name; and as it may be stored. */
class SpooledBody {
  readonly #hash = createHash("sha256")
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
    this.#hash.update(piece)
    await this.#came.append(piece)
    await this.#stored.push(piece)
  }

  async end(size: number): Promise<RequestBody> {
    const kept = await this.#stored.end()
    return {
      sha256: this.#hash.digest("hex"),
      size,
      ...kept,
      open: () => this.#came.read(),
      close: async (isRecorded) => {
        await this.#came.close()
        if (!isRecorded) await removeStored(kept.blob)
      },
    }
  }

  async discard(): Promise<void> {
    await this.#came.close()
    await this.#stored.discard()
  }
}
