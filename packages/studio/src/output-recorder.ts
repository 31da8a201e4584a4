import { createHash, type Hash } from "node:crypto"
import type { Readable } from "node:stream"
import type { Channel, Recorder } from "@amc/core"
import type { SecretScanner } from "@amc/gateway"

/** One event for at most this many bytes of output that is stored. */
const pieceSize = 64 * 1024
/** What is stored of a stream; beyond it only sizes and digests are recorded. */
const storedMax = 1 << 20
/** One event for this much of what is not stored, so that a flood of output does not flood the ledger. */
const unstoredPieceSize = 16 << 20

export interface OutputTerms {
  readonly recorder: Recorder
  readonly channel: Channel
  readonly agent: string
  readonly session: string
  readonly secrets: SecretScanner
  /** Gets the bytes as they come, for a person to see. */
  readonly echo?: ((bytes: Uint8Array) => void) | undefined
}

/** What a stream came to. */
export interface OutputSummary {
  readonly bytes: number
  readonly secretsFound: number
}

/**
 * Records one output stream of the agent, piece by piece as it comes. Resolves when the stream has
 * ended and every piece is durable.
 *
 * @throws {@link AmcError} as {@link Recorder.record}
 */
export async function recordOutput(
  type: "agent_stdout" | "agent_stderr",
  stream: Readable,
  terms: OutputTerms,
): Promise<OutputSummary> {
  const output = new Output(type, terms)
  for await (const bytes of stream as AsyncIterable<Uint8Array>) {
    terms.echo?.(bytes)
    await output.take(bytes)
  }
  return output.end()
}

/** A run of output whose digest is final; its redacted bytes may still be on their way. */
interface Piece {
  readonly offset: number
  readonly bytes: number
  readonly sha256: string
  readonly secretsFound: number
  readonly isStored: boolean
}

class Output {
  readonly #type: "agent_stdout" | "agent_stderr"
  readonly #terms: OutputTerms
  readonly #stream: ReturnType<SecretScanner["stream"]>
  #hash: Hash = createHash("sha256")
  #pieceBytes = 0
  #offset = 0
  #found = 0
  /** Complete, and waits until the scanner lets go of its last bytes: a secret may go on behind it. */
  #held: Piece | null = null
  #redacted: Uint8Array[] = []
  #redactedBytes = 0

  constructor(type: "agent_stdout" | "agent_stderr", terms: OutputTerms) {
    this.#type = type
    this.#terms = terms
    this.#stream = terms.secrets.stream()
  }

  async take(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const sizeMax = this.#isStored ? pieceSize : unstoredPieceSize
      const part = bytes.subarray(at, at + Math.min(pieceSize, sizeMax - this.#pieceBytes))
      at += part.length
      this.#hash.update(part)
      this.#pieceBytes += part.length
      this.#keep(this.#stream.push(part))
      if (this.#isHeldReady) await this.#recordHeld()
      if (this.#pieceBytes === sizeMax) this.#hold()
    }
  }

  async end(): Promise<OutputSummary> {
    this.#keep(this.#stream.end())
    await this.#recordHeld()
    if (this.#pieceBytes > 0) this.#hold()
    await this.#recordHeld()
    return { bytes: this.#offset, secretsFound: this.#stream.found }
  }

  /** Decided by where the piece begins, so that a piece is stored whole or not at all. */
  get #isStored(): boolean {
    return this.#offset < storedMax
  }

  get #isHeldReady(): boolean {
    return this.#held?.isStored !== true || this.#redactedBytes >= this.#held.bytes
  }

  #keep(redacted: Uint8Array): void {
    if (!this.#isStored && this.#held?.isStored !== true) return
    this.#redacted.push(redacted)
    this.#redactedBytes += redacted.length
  }

  #hold(): void {
    this.#held = {
      offset: this.#offset,
      bytes: this.#pieceBytes,
      sha256: this.#hash.digest("hex"),
      secretsFound: this.#stream.found - this.#found,
      isStored: this.#isStored,
    }
    this.#found = this.#stream.found
    this.#offset += this.#pieceBytes
    this.#pieceBytes = 0
    this.#hash = createHash("sha256")
  }

  async #recordHeld(): Promise<void> {
    const piece = this.#held
    if (piece === null) return
    this.#held = null
    const { recorder, channel, agent, session } = this.#terms
    const { offset, bytes, sha256, secretsFound, isStored } = piece
    await recorder.record({
      type: this.#type,
      channel,
      agent,
      session,
      facts: {
        measured: { offset, bytes, stored: isStored, secrets_found: secretsFound },
        reported: {},
      },
      payload: {
        sha256,
        size: bytes,
        media: "application/octet-stream",
        blob: isStored ? this.#cut(bytes) : null,
      },
    })
  }

  /** Takes the first bytes from what was redacted. */
  #cut(size: number): Uint8Array {
    const all = Buffer.concat(this.#redacted)
    const rest = this.#isStored ? all.subarray(size) : all.subarray(0, 0)
    this.#redacted = [rest]
    this.#redactedBytes = rest.length
    return all.subarray(0, size)
  }
}
