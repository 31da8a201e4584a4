import { createHash, hash, type Hash } from "node:crypto"
import type { Transform } from "node:stream"
import * as zlib from "node:zlib"
import { type AnswerReader, openAnswerReader } from "./answer-reader.ts"
import { noResponseFacts, type ResponseFacts } from "./answer-document.ts"
import type { Format } from "./format.ts"
import { GrowingBytes } from "./growing-bytes.ts"
import type { GatewayLimits } from "./limits.ts"
import type { SecretScanner } from "./secret-scanner.ts"

export interface MeterTerms {
  readonly limits: Pick<GatewayLimits, "decodedBytes" | "storedResponseBytes">
  readonly secrets: SecretScanner
  /** Null for an answer of which nothing is read. */
  readonly format: Format | null
  /** The value of one of the answer's headers. */
  readonly fieldOf: (name: string) => string | null
  /** Called when {@link ResponseMeter.push} may go on after it said no. */
  readonly onDrain: () => void
}

/** What an answer was, once it has ended. `bytes` is what may be stored, before redaction. */
export interface Metered extends ResponseFacts {
  readonly sha256: string
  readonly size: number
  readonly bytes: Uint8Array | null
}

const decoders: Record<string, () => Transform> = {
  gzip: zlib.createGunzip,
  "x-gzip": zlib.createGunzip,
  deflate: zlib.createInflate,
  br: zlib.createBrotliDecompress,
  zstd: zlib.createZstdDecompress,
}

/**
 * Takes the digest and the facts of an answer as it passes, with its content coding removed.
 *
 * A coding that is not known, is broken, or unpacks to more than the limit leaves the digest of the
 * coded bytes and no facts.
 */
export class ResponseMeter {
  readonly #terms: MeterTerms
  readonly #plain: Content
  readonly #coded: Content | null
  readonly #decoder: Transform | null
  #isDecoding: boolean

  constructor(terms: MeterTerms) {
    this.#terms = terms
    const coding = terms.fieldOf("content-encoding")?.trim().toLowerCase() ?? "identity"
    const isCoded = coding !== "identity" && coding !== ""
    this.#plain = new Content(readerOf(terms), terms.limits.storedResponseBytes)
    this.#coded = isCoded ? new Content(null, 0) : null
    this.#decoder =
      isCoded && Object.hasOwn(decoders, coding) ? (decoders[coding]?.() ?? null) : null
    this.#isDecoding = this.#decoder !== null
    this.#decoder?.on("data", (bytes: Uint8Array) => this.#unpacked(bytes))
    this.#decoder?.on("drain", terms.onDrain)
    this.#decoder?.on("error", () => this.#giveUp())
  }

  /** Takes the next piece. False asks to wait for `onDrain`. */
  push(piece: Uint8Array): boolean {
    if (this.#coded === null) this.#plain.push(piece)
    this.#coded?.push(piece)
    return !this.#isDecoding || this.#decoder === null || this.#decoder.write(piece)
  }

  /** Ends the answer. `isWhole` says whether it came to its end. */
  end(isWhole: boolean): Metered | Promise<Metered> {
    return this.#coded === null ? this.#plain.end(isWhole) : this.#endCoded(this.#coded, isWhole)
  }

  async #endCoded(coded: Content, isWhole: boolean): Promise<Metered> {
    const isDecoded = isWhole && (await this.#endDecoder())
    if (isDecoded) return this.#plain.end(true)
    this.#decoder?.destroy()
    return { ...coded.end(false), ...noResponseFacts, bytes: null, truncated: true }
  }

  #unpacked(bytes: Uint8Array): void {
    this.#plain.push(bytes)
    if (this.#plain.size > this.#terms.limits.decodedBytes) this.#giveUp()
  }

  #giveUp(): void {
    if (!this.#isDecoding) return
    this.#isDecoding = false
    this.#decoder?.destroy()
    this.#terms.onDrain()
  }

  #endDecoder(): Promise<boolean> {
    const decoder = this.#decoder
    if (decoder === null || !this.#isDecoding) return Promise.resolve(false)
    return new Promise((resolve) => {
      decoder.on("end", () => resolve(true))
      decoder.on("close", () => resolve(false))
      decoder.end()
    })
  }
}

class Content {
  size = 0
  readonly #kept: GrowingBytes
  readonly #reader: AnswerReader | null
  /** Of bytes that are too many to be kept; what is kept is hashed at once in the end. */
  #hash: Hash | null = null

  constructor(reader: AnswerReader | null, kept: number) {
    this.#reader = reader
    this.#kept = new GrowingBytes(kept)
  }

  push(bytes: Uint8Array): void {
    this.size += bytes.length
    this.#keep(bytes)
    this.#reader?.push(bytes)
  }

  #keep(bytes: Uint8Array): void {
    if (this.#hash === null) {
      const before = this.#kept.view()
      this.#kept.push(bytes)
      if (!this.#kept.overflowed) return
      this.#hash = createHash("sha256").update(before)
    }
    this.#hash.update(bytes)
  }

  end(isWhole: boolean): Metered {
    const facts = this.#reader?.end(isWhole) ?? noResponseFacts
    const kept = this.#kept.view()
    const sha256 = this.#hash?.digest("hex") ?? hash("sha256", kept)
    const bytes = this.#kept.overflowed || this.size === 0 ? null : kept
    return { ...facts, sha256, size: this.size, bytes }
  }
}

function readerOf({ format, fieldOf, secrets }: MeterTerms): AnswerReader | null {
  if (format === null) return null
  const reader = openAnswerReader(format, fieldOf("content-type") ?? "", secrets)
  reader?.header(fieldOf)
  return reader
}
