import { Socket } from "node:net"
import type { Duplex } from "node:stream"
import { endWith } from "./raw-answer.ts"

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
  #onGone: (() => void) | null = null
  #onEarly: (() => void) | null = null

  /** `head` is what came with the request, behind its end. */
  constructor(socket: Duplex, head: Uint8Array, mostEarly: number) {
    this.socket = socket
    this.#mostEarly = mostEarly
    this.#early = head.length === 0 ? [] : [head]
    this.#earlyBytes = head.length
    socket.on("error", this.#gone).on("close", this.#gone).on("end", this.#gone)
    socket.on("data", this.#keep)
    socket.resume()
  }

  /** Whether it hung up before the tunnel was open. */
  get isGone(): boolean {
    return this.#isGone
  }

  /** All that it has sent. */
  get early(): Uint8Array {
    if (this.#early.length !== 1) this.#early = [Buffer.concat(this.#early)]
    return this.#early[0] ?? new Uint8Array()
  }

  /** Whether no more is kept of what it sends. */
  get isFull(): boolean {
    return this.#earlyBytes >= this.#mostEarly
  }

  /** Calls back once if the client hangs up, at once if it already has. */
  onGone(callback: () => void): void {
    this.#onGone = callback
    if (this.#isGone) callback()
  }

  /** Calls back whenever more is there. */
  onEarly(callback: () => void): void {
    this.#onEarly = callback
    callback()
  }

  /** Hands the socket over, still paused; who takes it listens to all of its events. */
  release(): Duplex {
    this.socket.pause()
    this.socket.off("data", this.#keep).off("close", this.#gone).off("end", this.#gone)
    this.#onGone = this.#onEarly = null
    return this.socket
  }

  /** Sends last bytes and ends the connection. */
  end(bytes: Uint8Array): void {
    this.release()
    endWith(this.socket, bytes)
  }

  /** Breaks off, so that the client can't take what it has for all there is. A unix socket has no reset. */
  reset(): void {
    this.release()
    const { socket } = this
    if (socket instanceof Socket && socket.remoteAddress !== undefined) socket.resetAndDestroy()
    else socket.destroy()
  }

  readonly #gone = (): void => {
    if (this.#isGone) return
    this.#isGone = true
    this.#onGone?.()
  }

  readonly #keep = (piece: Uint8Array): void => {
    this.#early.push(piece)
    this.#earlyBytes += piece.length
    if (this.isFull) this.socket.pause()
    this.#onEarly?.()
  }
}
