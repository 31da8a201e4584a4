import { chmodSync, lstatSync, unlinkSync } from "node:fs"
import { connect } from "node:net"

/**
 * Removes a socket that a server left behind when it was killed.
 *
 * @throws Error if something else is at that path, or a server still answers there.
 */
export async function removeStaleSocket(path: string): Promise<void> {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (stat === undefined) return
  if (!stat.isSocket()) throw new Error(`${path} exists and is no socket`)
  if (await answers(path)) throw new Error(`a server listens on ${path} already`)
  unlinkSync(path)
}

/** Lets only the owner connect. */
export function closeToOthers(path: string): void {
  chmodSync(path, 0o600)
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.on("connect", () => {
      socket.destroy()
      resolve(true)
    })
    socket.on("error", () => resolve(false))
  })
}
