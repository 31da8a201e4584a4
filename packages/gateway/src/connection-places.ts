import type { Server } from "node:http"
import type { Socket } from "node:net"

/**
 * Keeps one server from being filled by those that have no business there: when all places are taken, the
 * connection that has shown no lease for the longest makes room, then those that wait for nothing.
 *
 * `isKnown` says whether a connection has shown a lease.
 */
export function limitConnections(
  server: Server,
  most: number,
  isKnown: (socket: Socket) => boolean,
): void {
  /** Oldest first. */
  const open = new Set<Socket>()
  server.on("connection", (socket: Socket) => {
    open.add(socket)
    socket.once("close", () => open.delete(socket))
    if (open.size > most) makeRoom(server, open, isKnown)
  })
}

/** The newest one goes if no other can. */
function makeRoom(
  server: Server,
  open: ReadonlySet<Socket>,
  isKnown: (socket: Socket) => boolean,
): void {
  const isLeft = (socket: Socket): boolean => !socket.destroyed
  const left = [...open].filter(isLeft)
  const newest = left.at(-1)
  const unknown = left.find((socket) => socket !== newest && !isKnown(socket))
  if (unknown !== undefined) return void unknown.destroy()
  server.closeIdleConnections()
  if (left.every(isLeft)) newest?.destroy()
}
