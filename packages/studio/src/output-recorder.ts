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

class Output {
  readonly #type: "agent_stdout" | "agent_stderr"
  readonly #terms: OutputTerms
  readonly #stream: ReturnType<SecretScanner["stream"]>
  #hash: Hash = createHash("sha256")
  #redacted: Uint8Array[] = []
  #pieceBytes = 0
  #offset = 0
  #found = 0

  constructor(type: "agent_stdout" | "agent_stderr", terms: OutputTerms) {
    this.#type = type
    this.#terms = terms
    this.#stream = terms.secrets.stream()
  }

  async take(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; at += pieceSize) {
      const part = bytes.subarray(at, at + pieceSize)
      this.#hash.update(part)
      const redacted = this.#stream.push(part)
      if (this.#isStored) this.#redacted.push(redacted)
      this.#pieceBytes += part.length
      if (this.#pieceBytes >= (this.#isStored ? pieceSize : unstoredPieceSize)) await this.#record()
    }
  }

  async end(): Promise<OutputSummary> {
    this.#redacted.push(this.#stream.end())
    if (this.#pieceBytes > 0) await this.#record()
    return { bytes: this.#offset, secretsFound: this.#stream.found }
  }

  /** Decided by where the piece begins, so that a piece is stored whole or not at all. */
  get #isStored(): boolean {
    return this.#offset < storedMax
  }

  async #record(): Promise<void> {
    const { recorder, channel, agent, session } = this.#terms
    const isStored = this.#isStored
    const measured = {
      offset: this.#offset,
      bytes: this.#pieceBytes,
      stored: isStored,
      secrets_found: this.#stream.found - this.#found,
    }
    const payload = {
      sha256: this.#hash.digest("hex"),
      size: this.#pieceBytes,
      media: "application/octet-stream",
      blob: isStored ? Buffer.concat(this.#redacted) : null,
    }
    await recorder.record({
      type: this.#type,
      channel,
      agent,
      session,
      facts: { measured, reported: {} },
      payload,
    })
    this.#found = this.#stream.found
    this.#offset += this.#pieceBytes
    this.#pieceBytes = 0
    this.#redacted = []
    this.#hash = createHash("sha256")
  }
}
