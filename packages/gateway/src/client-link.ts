import { type ServerResponse, STATUS_CODES } from "node:http"
import type { Problem } from "./problem.ts"

/** The way back to the client of one request. */
export class ClientLink {
  readonly #response: ServerResponse
  #isGone = false
  #isBodyBegun = false
  #onGone: (() => void) | null = null

  constructor(response: ServerResponse) {
    this.#response = response
    response.on("error", () => undefined)
    response.on("close", () => {
      if (response.writableFinished) return
      this.#isGone = true
      this.#onGone?.()
    })
  }

  /** Whether the client hung up before its answer was whole. */
  get isGone(): boolean {
    return this.#isGone
  }

  get isHeadSent(): boolean {
    return this.#response.headersSent
  }

  /** Calls back once when the client hangs up, at once if it already has. */
  onGone(callback: () => void): void {
    this.#onGone = callback
    if (this.#isGone) callback()
  }

  /** Asks for the body of a request that waits for that (RFC 9110 section 10.1.1). */
  askForBody(): void {
    this.#response.writeContinue()
  }

  /**
   * Sets status and headers. They go out with what is written first, or by {@link ClientLink.flushHead}.
   *
   * @throws TypeError if a header can't be written
   */
  head(status: number, message: string, headers: readonly string[]): void {
    this.#response.sendDate = false
    this.#response.writeHead(status, message, headers as string[])
  }

  /** Sends status and headers if nothing of the body went with them, so that a stream starts before its first byte. */
  flushHead(): void {
    if (!this.#isBodyBegun) this.#response.flushHeaders()
    this.#isBodyBegun = true
  }

  /** Sends a part of the body. False asks to wait for `drained`. */
  write(bytes: Uint8Array, drained: () => void): boolean {
    this.#isBodyBegun = true
    const isRoomLeft = this.#response.write(bytes)
    if (!isRoomLeft) this.#response.once("drain", drained)
    return isRoomLeft
  }

  /** Ends an answer whose head is sent. */
  end(bytes: Uint8Array | null): void {
    this.#isBodyBegun = true
    if (bytes === null) this.#response.end()
    else this.#response.end(bytes)
  }

  /**
   * Sends a whole answer.
   *
   * @throws TypeError if a header can't be written
   */
  answer(status: number, message: string, headers: readonly string[], body: Uint8Array): void {
    this.#response.sendDate = false
    this.#response.writeHead(status, message, headers as string[])
    this.#response.end(body)
  }

  /** Sends a value of the gateway's own as JSON. */
  json(value: unknown): void {
    const body = Buffer.from(JSON.stringify(value))
    const headers = ["content-type", "application/json", "content-length", `${body.length}`]
    this.answer(200, "OK", headers, body)
  }

  /** Sends an answer of the gateway's own. */
  send({ status, headers, body }: Problem, own: readonly string[] = []): void {
    // Node keeps the provider's words for its status from a head that it refused, and would refuse them again.
    this.#response.writeHead(status, STATUS_CODES[status] ?? "", [...headers, ...own])
    this.#response.end(body)
  }

  /** Breaks off, so that the client can't take what it has for a whole answer. */
  reset(): void {
    const socket = this.#response.socket
    // A unix socket has no reset.
    if (socket?.remoteAddress === undefined) this.#response.destroy()
    else socket.resetAndDestroy()
  }
}
