import { connect, type Socket } from "node:net"
import { AmcError } from "@amc/core"
import { LineSplitter } from "./line-splitter.ts"
import { encodeRequest, maxLine, openAnswer } from "./notary-line.ts"

interface Waiting {
  resolve(result: Uint8Array): void
  reject(error: unknown): void
}

/** One connection to a notary. Requests are answered in the order in which they were asked. */
export class NotaryLine {
  readonly #socket: Socket
  readonly #splitter = new LineSplitter(2 * maxLine)
  #waiting: Waiting[] = []
  #isClosed = false

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on("data", (chunk: Buffer) => this.#receive(chunk))
    socket.on("error", (cause) => this.#fail(unavailable(cause)))
    socket.on("close", () => this.#fail(unavailable()))
  }

  /** @throws {@link AmcError} `notary/unavailable` */
  static async connect(socketPath: string): Promise<NotaryLine> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const socket = connect(socketPath)
    socket.once("connect", resolve)
    socket.once("error", (cause) => reject(unavailable(cause)))
    await promise
    return new NotaryLine(socket)
  }

  /**
   * Asks the notary to do something with a payload.
   *
   * @throws {@link AmcError} what the notary answers; `notary/unavailable`; `input/too-large`
   */
  ask(op: string, payload: Uint8Array): Promise<Uint8Array> {
    const line = encodeRequest({ op, payload })
    if (this.#isClosed) return Promise.reject(unavailable())
    if (line.length > maxLine)
      return Promise.reject(
        new AmcError("input/too-large", "the statement is too long to be signed"),
      )
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>()
    this.#waiting.push({ resolve, reject })
    this.#socket.write(Buffer.concat([line, Buffer.from("\n")]))
    return promise
  }

  /** Hangs up. What still waits gets `notary/unavailable`. */
  close(): void {
    this.#fail(unavailable())
  }

  #receive(chunk: Uint8Array): void {
    const lines = this.#splitter.push(chunk)
    if (lines === null) return this.#fail(unavailable())
    for (const line of lines) this.#settle(line)
  }

  #settle(line: Uint8Array): void {
    const asked = this.#waiting.shift()
    try {
      asked?.resolve(openAnswer(line))
    } catch (error) {
      asked?.reject(error)
    }
  }

  #fail(error: AmcError): void {
    this.#isClosed = true
    this.#socket.destroy()
    const waiting = this.#waiting
    this.#waiting = []
    for (const { reject } of waiting) reject(error)
  }
}

function unavailable(cause?: unknown): AmcError {
  return new AmcError("notary/unavailable", "the notary can't be reached", { cause })
}
