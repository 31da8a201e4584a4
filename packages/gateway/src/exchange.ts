import type { Dispatcher } from "undici"
import type { ErrorCode } from "@amc/core"
import type { ClientLink } from "./client-link.ts"
import { isFramed } from "./answer-reader.ts"
import type { Completeness, Ending, Head } from "./ending.ts"
import type { Format } from "./format.ts"
import { GrowingBytes } from "./growing-bytes.ts"
import { fieldOf, responseHeaders } from "./header-fields.ts"
import type { LeaseEnd } from "./lease.ts"
import type { GatewayLimits } from "./limits.ts"
import { ResponseMeter } from "./response-meter.ts"
import { retryAfterMs } from "./retry-after.ts"
import type { SecretScanner } from "./secret-scanner.ts"

export interface ExchangeTerms {
  readonly client: ClientLink
  readonly limits: GatewayLimits
  readonly secrets: SecretScanner
  readonly clock: () => number
  readonly method: string
  readonly format: Format | null
  /** Whether the request asks for a stream. */
  readonly isStreamWanted: boolean
  /** The gateway's own headers of the answer. */
  readonly ownHeaders: readonly string[]
  /** Takes what breaks the exchange off when its lease is revoked, or is past its end now. Gives what ends the waiting. */
  readonly onRevoked: (cut: (why: LeaseEnd) => void) => () => void
}

/** What HTTP allows in the words for a status. */
const isReason = /^[\t\x20-\x7e\x80-\xff]*$/
const timeouts = ["UND_ERR_CONNECT_TIMEOUT", "UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT"]

/**
 * One request to a provider and its answer: streams the answer to the client, but never its end.
 * The end is released by whoever awaits {@link Exchange.ending}, once the evidence is durable.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  /** Resolves once, however the exchange ends. */
  readonly ending: Promise<Ending>
  readonly #terms: ExchangeTerms
  readonly #startedMs: number
  readonly #held: GrowingBytes
  readonly #timer: NodeJS.Timeout
  #resolve: (ending: Ending) => void = () => undefined
  #unwatch: () => void = () => undefined
  #isSettled = false
  #isDialled = false
  #controller: Dispatcher.DispatchController | null = null
  /** What came in this turn. */
  #pieces: Buffer[] = []
  #isTurnEnding = false
  #isClientFull = false
  #isMeterFull = false
  #head: Head | null = null
  #meter: ResponseMeter | null = null
  #contentLength: number | null = null
  #received = 0
  #last: Uint8Array | null = null
  #firstByteMs = 0
  #retryAfterMs = -1

  constructor(terms: ExchangeTerms) {
    this.#terms = terms
    this.#startedMs = terms.clock()
    this.#held = new GrowingBytes(terms.limits.heldBytes)
    this.ending = new Promise((resolve) => (this.#resolve = resolve))
    this.#timer = setTimeout(
      () => this.#settle("timeout", "gateway/upstream-timeout"),
      terms.limits.totalMs,
    )
    terms.client.onGone(() => this.#settle("client-gone", null))
    this.#unwatch = terms.onRevoked((why) => this.#settle("refused", why))
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#isDialled = true
    this.#controller = controller
    if (this.#isSettled) controller.abort(new Error("the exchange is over"))
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    _parsed: unknown,
    message = "",
  ): void {
    if (this.#isSettled || status < 200) return
    const raw = rawTexts(controller.rawHeaders)
    this.#firstByteMs = this.#elapsed()
    this.#retryAfterMs = retryAfterMs(raw, this.#terms.clock())
    // Node would refuse them when the answer is already recorded as given.
    if (!isReason.test(message)) return this.#settle("refused", "gateway/upstream-unreachable")
    if (status >= 300 && status < 400 && status !== 304)
      return this.#settle("refused", "gateway/upstream-redirect")
    const contentType = fieldOf(raw, "content-type") ?? ""
    this.#head = { status, message, headers: responseHeaders(raw), contentType }
    this.#contentLength = this.#bodyLength(raw, status)
    const { format, limits, secrets } = this.#terms
    this.#meter = new ResponseMeter({
      format,
      limits,
      secrets,
      fieldOf: (name) => fieldOf(raw, name),
      onDrain: () => this.#proceed({ meter: true }),
    })
    if (this.#isStream(status, contentType) && this.#sendHead(this.#head)) this.#endTurnLater()
  }

  onResponseData(_controller: Dispatcher.DispatchController, piece: Buffer): void {
    if (this.#isSettled) return
    this.#received += piece.length
    this.#pieces.push(piece)
    this.#endTurnLater()
  }

  /** What comes in one turn goes on together: a small frame alone takes as long as all of them. */
  #endTurnLater(): void {
    if (this.#isTurnEnding) return
    this.#isTurnEnding = true
    queueMicrotask(() => {
      this.#isTurnEnding = false
      this.#takePieces()
      if (!this.#isSettled && this.#terms.client.isHeadSent) this.#terms.client.flushHead()
    })
  }

  #takePieces(): void {
    const pieces = this.#pieces
    if (pieces.length === 0) return
    this.#pieces = []
    this.#take(pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces))
  }

  #take(piece: Buffer): void {
    if (this.#meter?.push(piece) === false) this.#isMeterFull = true
    this.#waitIfFull()
    if (this.#terms.client.isHeadSent) return this.#pass(piece)
    const before = this.#held.view()
    this.#held.push(piece)
    if (!this.#held.overflowed || this.#head === null) return
    if (!this.#sendHead(this.#head)) return
    if (before.length > 0) this.#write(before)
    this.#pass(piece)
  }

  onResponseEnd(): void {
    this.#settle("complete", null)
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    const { code } = error as NodeJS.ErrnoException
    if (timeouts.includes(code ?? "")) this.#settle("timeout", "gateway/upstream-timeout")
    else if (!this.#isDialled) this.#settle("upstream-unreachable", "gateway/upstream-unreachable")
    else this.#settle("upstream-cut", this.#head === null ? "gateway/upstream-unreachable" : null)
  }

  /** The last bytes of a body of known length are its end, and so are held. */
  #pass(piece: Uint8Array): void {
    const isLast = this.#contentLength !== null && this.#received >= this.#contentLength
    if (isLast) this.#last = Uint8Array.from(piece)
    else this.#write(piece)
  }

  #write(bytes: Uint8Array): void {
    if (!this.#terms.client.write(bytes, () => this.#proceed({ client: true })))
      this.#isClientFull = true
    this.#waitIfFull()
  }

  #waitIfFull(): void {
    if (this.#isClientFull || this.#isMeterFull) this.#controller?.pause()
  }

  #proceed({ client = false, meter = false }): void {
    if (client) this.#isClientFull = false
    if (meter) this.#isMeterFull = false
    if (!this.#isSettled && !this.#isClientFull && !this.#isMeterFull) this.#controller?.resume()
  }

  #sendHead({ status, message, headers }: Head): boolean {
    try {
      this.#terms.client.head(status, message, [...headers, ...this.#terms.ownHeaders])
      return true
    } catch {
      // Node refuses a header that HTTP does not allow.
      this.#settle("refused", "gateway/upstream-unreachable")
      return false
    }
  }

  #isStream(status: number, contentType: string): boolean {
    return isFramed(contentType) || (this.#terms.isStreamWanted && status < 300)
  }

  #bodyLength(raw: readonly string[], status: number): number | null {
    const text = fieldOf(raw, "content-length")
    if (text === null || this.#terms.method === "HEAD" || status === 304) return null
    return Number(text)
  }

  #settle(completeness: Completeness, fault: ErrorCode | null): void {
    // That may be where it ends.
    this.#takePieces()
    if (this.#isSettled) return
    this.#isSettled = true
    clearTimeout(this.#timer)
    this.#unwatch()
    if (completeness !== "complete") this.#controller?.abort(new Error(`ended: ${completeness}`))
    this.#resolve({
      completeness,
      fault,
      isForwarded: this.#isDialled,
      head: this.#head,
      meter: this.#meter,
      receivedBytes: this.#received,
      held: this.#terms.client.isHeadSent ? this.#last : this.#held.view(),
      firstByteMs: this.#firstByteMs,
      totalMs: this.#elapsed(),
      retryAfterMs: this.#retryAfterMs,
    })
  }

  /** A wall clock may step back. */
  #elapsed(): number {
    return Math.max(0, Math.round(this.#terms.clock() - this.#startedMs))
  }
}

function rawTexts(raw: Dispatcher.DispatchController["rawHeaders"]): string[] {
  if (!Array.isArray(raw)) return []
  return raw.map((text) => (typeof text === "string" ? text : text.toString("latin1")))
}
