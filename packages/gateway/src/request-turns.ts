import type { IncomingMessage, ServerResponse } from "node:http"
import type { Socket } from "node:net"

/** A request that can be answered. */
export interface Turn {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly answer: () => Promise<void>
}

/** A client that sends on more without waiting for an answer is cut off, and one whose heads lie in memory. */
const mostWaiting = 64
const mostHeadBytes = 64 * 1024

/**
 * Lets the requests of one connection be answered one after another. Node begins with all that a client sends on
 * without waiting (pipelining), so one connection could keep any number of calls under way, and memory with them.
 */
export class RequestTurns {
  /** The first of a line is being answered. */
  readonly #lines = new WeakMap<Socket, Turn[]>()

  /** Whether a request of a connection is being answered. */
  has(socket: Socket): boolean {
    return this.#lines.has(socket)
  }

  /** Whether a connection has a request whose answer the client can't have yet. */
  isOwed(socket: Socket): boolean {
    return this.#lines.get(socket)?.some(({ response }) => !response.writableFinished) ?? false
  }

  /** Whether an answer has begun on a connection, so that nothing else may be written there. */
  isAnswerBegun(socket: Socket): boolean {
    return this.#lines.get(socket)?.[0]?.response.headersSent ?? false
  }

  /** Answers a request when its turn comes. Resolves when nothing of its connection waits any more, or somebody else sees to that. */
  async take(socket: Socket, turn: Turn): Promise<void> {
    const line = this.#lines.get(socket)
    if (line !== undefined) {
      if (line.length <= mostWaiting && headBytes(line) < mostHeadBytes) line.push(turn)
      else socket.destroy()
      return
    }
    const own: Turn[] = [turn]
    this.#lines.set(socket, own)
    for (let next: Turn | undefined = turn; next !== undefined; next = own[0]) {
      await next.answer()
      if (own.length > 1) await sent(next.response)
      if (socket.destroyed) break
      own.shift()
    }
    this.#lines.delete(socket)
  }
}

function headBytes(line: readonly Turn[]): number {
  const texts = line.flatMap(({ request: { url = "", rawHeaders } }) => [url, ...rawHeaders])
  return texts.reduce((sum, text) => sum + text.length, 0)
}

/** Until a client has read most of an answer, it waits for nothing else. */
function sent(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    if (response.closed || response.writableFinished) resolve()
    else response.once("close", resolve)
  })
}
