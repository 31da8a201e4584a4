import { chmodSync, lstatSync, mkdirSync, rmSync } from "node:fs"
import { createServer, type Server, type Socket } from "node:net"
import { dirname } from "node:path"
import { AmcError, isFault, malformed } from "@amc/core"
import { LineSplitter } from "./line-splitter.ts"
import { answerRequest, type NotaryKeys } from "./notary-desk.ts"
import { encodeAnswer, maxLine, parseRequest } from "./notary-line.ts"

const MAX_CONNECTIONS = 16

/**
 * Listens for requests on a unix socket, 0600 in a folder that is ours alone. Resolves to what stops it:
 * all connections are cut.
 *
 * @throws {@link AmcError} `vault/unsafe-file` for a folder or a socket path that is not safe,
 * `notary/unavailable` if it can't listen
 */
export async function serveNotary(socketPath: string, keys: NotaryKeys): Promise<() => void> {
  prepareFolder(dirname(socketPath))
  removeStale(socketPath)
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.on("close", () => sockets.delete(socket)))
    attend(socket, keys)
  })
  server.maxConnections = MAX_CONNECTIONS
  await listen(server, socketPath)
  return () => {
    server.close()
    for (const socket of sockets) socket.destroy()
  }
}

function attend(socket: Socket, keys: NotaryKeys): void {
  const splitter = new LineSplitter(maxLine)
  // A client that goes away in the middle of an answer is no concern of the others.
  socket.on("error", () => socket.destroy())
  socket.on("data", (chunk: Buffer) => {
    const lines = splitter.push(chunk)
    for (const line of lines ?? []) reply(socket, answerLine(line, keys))
    if (lines !== null) return
    const tooLarge = new AmcError("input/too-large", `a request is at most ${maxLine} bytes`)
    socket.removeAllListeners("data")
    socket.end(Buffer.concat([encodeAnswer(tooLarge), newline]))
  })
}

function answerLine(line: Uint8Array, keys: NotaryKeys): Uint8Array {
  try {
    return encodeAnswer(answerRequest(readRequest(line), keys))
  } catch (error) {
    if (!isFault(error)) throw error
    return encodeAnswer(error)
  }
}

function readRequest(line: Uint8Array): ReturnType<typeof parseRequest> {
  try {
    return parseRequest(line)
  } catch (cause) {
    if (!isFault(cause, "input/malformed")) throw cause
    throw new AmcError("notary/refused", "this is not a request", { cause })
  }
}

const newline = Buffer.from("\n")

function reply(socket: Socket, answer: Uint8Array): void {
  // A client that does not read its answers gets no more of them.
  if (socket.writableLength > 4 * maxLine) socket.destroy()
  else socket.write(Buffer.concat([answer, newline]))
}

function prepareFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const stats = lstatSync(folder)
  const isOurs = process.getuid === undefined || stats.uid === process.getuid()
  if (!stats.isDirectory() || !isOurs || (stats.mode & 0o077) !== 0)
    throw new AmcError("vault/unsafe-file", `${folder} is not a folder of ours alone`, {
      hint: `chmod 700 ${folder}`,
    })
}

/** A killed notary leaves its socket behind; only we can have put it into this folder. */
function removeStale(socketPath: string): void {
  const stats = lstatSync(socketPath, { throwIfNoEntry: false })
  if (stats === undefined) return
  if (!stats.isSocket()) throw new AmcError("vault/unsafe-file", `${socketPath} is not a socket`)
  rmSync(socketPath)
}

async function listen(server: Server, socketPath: string): Promise<void> {
  // The kernel cuts longer paths or refuses them, depending on the system.
  if (Buffer.byteLength(socketPath) > 103) throw malformed("the notary's socket path is too long")
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const mask = process.umask(0o177)
  server.once("error", (cause) =>
    reject(new AmcError("notary/unavailable", `can't listen on ${socketPath}`, { cause })),
  )
  server.listen(socketPath, resolve)
  try {
    await promise
    chmodSync(socketPath, 0o600)
  } finally {
    process.umask(mask)
  }
}
