import { once } from "node:events"
import { chmodSync } from "node:fs"
import { createServer, type Socket } from "node:net"

/** What ties a box to the monitor: a connection that ends with either. */
export interface Leash {
  /** Resolves when the box's first process has ended, or the leash was cut. */
  readonly slack: Promise<void>
  /** The box's first process ends, and everything in the box with it. */
  cut(): void
}

/**
 * Listens for the box's first process, and for nobody else: whoever else tries the socket is not let in. The kernel
 * closes the connection when the monitor ends, however it does. `onEnd` is called when the agent has ended and
 * the box still is there.
 */
export async function layLeash(socket: string, onEnd: () => void): Promise<Leash> {
  let held: Socket | undefined
  const slack = Promise.withResolvers<void>()
  const server = createServer((connection) => {
    held = connection.on("error", () => {}).on("close", () => slack.resolve())
    connection.once("data", () => {
      onEnd()
      connection.destroy()
    })
    server.close()
  })
  server.listen(socket)
  await once(server, "listening")
  // Whose the box's first process is, the engine decides; the folder is the monitor's alone.
  chmodSync(socket, 0o666)
  server.unref()
  return {
    slack: slack.promise,
    cut: () => {
      server.close()
      held?.destroy()
    },
  }
}
