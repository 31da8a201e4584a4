import { STATUS_CODES } from "node:http"
import type { Duplex } from "node:stream"
import type { Problem } from "./problem.ts"

const lingerMs = 1000

/**
 * Answers on a connection that Node's HTTP no longer handles, and ends it. What the client still sends is
 * read past for a moment, since it would otherwise see a reset instead of the answer.
 */
export function answerRaw(
  socket: Duplex,
  { status, headers, body }: Problem,
  own: readonly string[] = [],
): void {
  const fields = [...headers, ...own, "connection", "close"]
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Error"}`]
  for (let at = 0; at + 1 < fields.length; at += 2) lines.push(`${fields[at]}: ${fields[at + 1]}`)
  endWith(socket, Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`), body]))
}

/** Sends last bytes and ends a connection, whatever the client goes on to send. */
export function endWith(socket: Duplex, bytes: Uint8Array): void {
  socket.on("error", () => undefined)
  if (!socket.writable) return void socket.destroy()
  const timer = setTimeout(() => socket.destroy(), lingerMs).unref()
  socket.once("close", () => clearTimeout(timer))
  socket.once("end", () => socket.destroy())
  socket.resume()
  socket.end(bytes)
}
