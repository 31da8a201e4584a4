import { type HelloReading, readClientHello } from "./client-hello.ts"
import { readServerAnswer } from "./server-hello.ts"

/** What a watch makes of some bytes of the client's. */
export interface WatchedBytes {
  /** What of them, and of what was held back before, passes. */
  readonly pass: Uint8Array
  /** A further ClientHello that is among them, or bytes that may not pass. */
  readonly hello: Exclude<HelloReading, { readonly state: "more" }> | null
}

const [changeCipherSpec, alert, handshakeRecord, applicationData] = [20, 21, 22, 23]
const passing: readonly number[] = [changeCipherSpec, alert, applicationData]
/** A server's first message shows what it is in far less. */
const mostAnswer = 1024
const nothing = new Uint8Array()

/**
 * Watches a tunnel behind its first ClientHello for as long as another one can come in clear: until the server
 * answers by anything but a HelloRetryRequest, or the second hello is there. A client can guess such an
 * answer and send both hellos at once, so the second one is looked for from the start.
 */
export class HelloWatch {
  readonly #most: number
  #answer: Uint8Array = nothing
  #isAnswered = false
  /** Of the client's, a record that does not pass before more of it is there. */
  #held: Uint8Array = nothing
  /** What is still to come of a record that passes. */
  #passing = 0
  #isOver = false

  /** `most` bounds what is held of a hello. */
  constructor(most: number) {
    this.#most = most
  }

  /** Whether all that follows passes. */
  get isOver(): boolean {
    return this.#isOver && this.#held.length === 0
  }

  /** Tells of what the server sent. */
  server(bytes: Uint8Array): void {
    if (this.#isAnswered) return
    this.#answer = joined(this.#answer, bytes.subarray(0, mostAnswer))
    const answer = readServerAnswer(this.#answer)
    this.#isAnswered = answer !== "more" || this.#answer.length >= mostAnswer
    if (!this.#isAnswered) return
    this.#answer = nothing
    if (answer !== "retry") this.#isOver = true
  }

  /** Tells of what the client sent. */
  client(bytes: Uint8Array): WatchedBytes {
    const all = joined(this.#held, bytes)
    this.#held = nothing
    if (this.#isOver) return { pass: all, hello: null }
    for (let at = this.#skip(all, 0); at < all.length; at = this.#skip(all, at)) {
      const type = all[at] ?? 0
      if (type === handshakeRecord) return this.#hello(all, at)
      if (!passing.includes(type)) return refused(all, at)
      if (all.length - at < 5) return this.#hold(all, at)
      this.#passing = 5 + (((all[at + 3] ?? 0) << 8) | (all[at + 4] ?? 0))
    }
    return { pass: all, hello: null }
  }

  #skip(bytes: Uint8Array, at: number): number {
    const skipped = Math.min(this.#passing, bytes.length - at)
    this.#passing -= skipped
    return at + skipped
  }

  #hello(bytes: Uint8Array, at: number): WatchedBytes {
    const hello = readClientHello(bytes.subarray(at))
    if (hello.state === "more") return this.#hold(bytes, at)
    if (hello.state === "other") return refused(bytes, at)
    this.#isOver = true
    return { pass: bytes, hello }
  }

  #hold(bytes: Uint8Array, at: number): WatchedBytes {
    if (bytes.length - at >= this.#most) return refused(bytes, at)
    this.#held = bytes.subarray(at)
    return { pass: bytes.subarray(0, at), hello: null }
  }
}

function refused(bytes: Uint8Array, at: number): WatchedBytes {
  return { pass: bytes.subarray(0, at), hello: { state: "other" } }
}

function joined(before: Uint8Array, bytes: Uint8Array): Uint8Array {
  return before.length === 0 ? bytes : Buffer.concat([before, bytes])
}
