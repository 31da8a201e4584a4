import type { Server } from "node:http"
import type { AddressInfo } from "node:net"

export type ListenAt =
  | { readonly socketPath: string }
  | { readonly port: number; readonly host: string }

/** The servers of one proxy, and what runs for their clients. */
export class Listeners {
  readonly #servers = new Set<Server>()
  #running = 0
  #wakers: (() => void)[] = []

  /** Lets a server listen. Gives the port; null for a socket. */
  async open(server: Server, at: ListenAt): Promise<number | null> {
    this.#servers.add(server)
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject)
      if ("socketPath" in at) server.listen(at.socketPath, resolve)
      else server.listen(at.port, at.host, resolve)
    })
    const address = server.address() as AddressInfo | string | null
    return address === null || typeof address === "string" ? null : address.port
  }

  /** Keeps what runs for a client until it has ended. A bug in it ends that client's connection and nobody else's. */
  track(work: Promise<void>, cut: () => void): void {
    this.#running++
    void work.catch(cut).finally(() => {
      if (--this.#running === 0) for (const wake of this.#wakers.splice(0)) wake()
    })
  }

  /** Resolves when nothing runs any more. */
  async settled(): Promise<void> {
    if (this.#running > 0) await new Promise<void>((resolve) => this.#wakers.push(resolve))
  }

  /** Breaks all connections off, as far as Node's HTTP still has them. */
  cut(): void {
    for (const server of this.#servers) server.closeAllConnections()
  }

  /** Lets nobody in any more. Resolves when the last connection is gone. */
  async close(): Promise<void> {
    const closed = Array.from(
      this.#servers,
      (server) => new Promise((resolve) => server.close(resolve)),
    )
    await Promise.all(closed)
  }
}
