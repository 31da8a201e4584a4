import { createSocket } from "node:dgram"
import { connect } from "node:net"

/** What an agent tried, and whether it was `denied` or `REACHED`. */
export const tried: Record<string, string> = {}

/** Tries one thing, and keeps what came of it. */
export async function attempt(name: string, deed: () => unknown): Promise<void> {
  try {
    tried[name] = `REACHED ${JSON.stringify(await deed())?.slice(0, 200)}`
  } catch (error) {
    tried[name] = `denied ${(error as NodeJS.ErrnoException).code ?? String(error)}`
  }
}

/** Connects, and says nothing. */
export function dial(to: { path: string } | { host: string; port: number }): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = "path" in to ? connect(to.path) : connect(to.port, to.host)
    // Else the kernel goes on for minutes, and the agent with it. What a busy machine has not yet told comes first.
    const late = Object.assign(new Error("timeout"), { code: "ETIMEDOUT" })
    socket.setTimeout(1500, () => setImmediate(() => socket.destroy(late)))
    socket.on("connect", () => resolve("connected"))
    socket.on("error", reject)
  })
}

/** Sends a datagram, and waits for an answer. */
export function ask(host: string, port: number): Promise<string> {
  const socket = createSocket("udp4")
  return new Promise<string>((resolve, reject) => {
    const late = (): void => reject(Object.assign(new Error("timeout"), { code: "ETIMEDOUT" }))
    setTimeout(late, 1500).unref()
    socket.on("error", reject).on("message", () => resolve("answered"))
    socket.send("x", port, host, (error) => error !== null && reject(error))
  }).finally(() => socket.close())
}
