import { Socket } from "node:net"
import type { Duplex } from "node:stream"
import { endWith } from "./raw-answer.ts"

/** Who hears of a client: of what it sends only once that has joined. */
export interface ClientListener {
  /** It hung up, or ended too early. */
  gone(): void
  /** More is there of what it sends first. */
  early(): void
  piece(bytes: Uint8Array): void
  ended(): void
  closed(): void
}

/**
 * The client's side of a tunnel. From the first moment it is read, so that a client that hangs up is
 * noticed in every phase; what it sends before it may is kept, up to a limit.
 */
export class EgressClient {
  readonly socket: Duplex
  readonly #mostEarly: number
  #early: Uint8Array[]
  #earlyBytes: number
  #isGone = false
  #state: "early" | "joined" | "released" = "early"
  #listener: ClientListener | null = null

  /** `head` is what came with the request, behind its end. */
  constructor(socket: Duplex, head: Uint8Array, mostEarly: number) {
    this.socket = socket
    this.#mostEarly = mostEarly
    this.#early = head.length === 0 ? [] : [head]
    this.#earlyBytes = head.length
    socket.on("error", () => this.#gone())
    socket.on("close", () => this.#closed())
    socket.on("end", () => this.#ended())
    socket.on("data", (piece: Uint8Array) => this.#take(piece))
  }

  /** Whether it hung up before the tunnel was open. */
  get isGone(): boolean {
    return this.#isGone
  }

  /** All that it has sent before it joined. */
  get early(): Uint8Array {
    if (this.#early.length !== 1) this.#early = [Buffer.concat(this.#early)]
    return this.#early[0] ?? new Uint8Array()
  }

  /** Whether no more is kept of what it sends. */
  get isFull(): boolean {
    return this.#earlyBytes >= this.#mostEarly
  }

  /** Tells of what comes, and at once of what has come. */
  listen(listener: ClientListener): void {
    this.#listener = listener
    if (this.#isGone) listener.gone()
  }

  /** From here on what it sends is passed on. Gives what it has sent so far. */
  join(): Uint8Array {
    const { early } = this
    this.#state = "joined"
    this.#early = []
    if (this.socket.isPaused()) this.socket.resume()
    return early
  }

  /** Hands the socket over; nothing more is told of it. */
  release(): Duplex {
    this.#state = "released"
    this.#listener = null
    return this.socket
  }

  /** Sends last bytes and ends the connection. */
  end(bytes: Uint8Array): void {
    endWith(this.release(), bytes)
  }

  /** Breaks off, so that the client can't take what it has for all there is. A unix socket has no reset. */
  reset(): void {
    const socket = this.release()
    if (socket instanceof Socket && socket.remoteAddress !== undefined) socket.resetAndDestroy()
    else socket.destroy()
  }

  #gone(): void {
    if (this.#isGone) return
    this.#isGone = true
    this.#listener?.gone()
  }

  #ended(): void {
    if (this.#state === "joined") this.#listener?.ended()
    else this.#gone()
  }

  #closed(): void {
    if (this.#state === "joined") this.#listener?.closed()
    else this.#gone()
  }

  #take(piece: Uint8Array): void {
    if (this.#state === "joined") this.#listener?.piece(piece)
    else if (this.#state === "early") this.#keep(piece)
  }

  #keep(piece: Uint8Array): void {
    this.#early.push(piece)
    this.#earlyBytes += piece.length
    if (this.isFull) this.socket.pause()
    this.#listener?.early()
  }
}
