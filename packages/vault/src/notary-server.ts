import { chmodSync, lstatSync, mkdirSync, rmSync } from "node:fs"
import { createServer, type Server, type Socket } from "node:net"
import { dirname } from "node:path"
import { AmcError, isFault, malformed } from "@amc/core"
import { LineSplitter } from "./line-splitter.ts"
import { encodeLoan, lendMonitor } from "./loan.ts"
import { answerRequest, type NotaryKeys } from "./notary-desk.ts"
import { encodeAnswer, maxLine, type NotaryRequest, parseRequest } from "./notary-line.ts"
import type { ProcessGuard } from "./process-guard.ts"

const MAX_CONNECTIONS = 16
const HANG_UP_MS = 1000

/** What a notary has to give. */
export interface NotaryDesk {
  readonly keys: NotaryKeys
  /** What only a notary has that lives on its own; null for one that lives with a command. */
  readonly unlocked: {
    /** The passphrase of the monitor's slot, or null if that slot is not open. */
    readonly monitor: Uint8Array | null
    lock(): void
  } | null
}

/**
 * Listens for requests on a unix socket, 0600 in a folder that is ours alone, and answers processes of our
 * own user only. Resolves to what stops it: all connections are cut.
 *
 * @throws {@link AmcError} `vault/unsafe-file` for a folder or a socket path that is not safe,
 * `notary/unavailable` if it can't listen
 */
export async function serveNotary(
  socketPath: string,
  desk: NotaryDesk,
  guard: ProcessGuard,
): Promise<() => void> {
  prepareFolder(dirname(socketPath))
  removeStale(socketPath)
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.on("close", () => sockets.delete(socket)))
    if (guard.isOwn(socket)) attend(socket, desk)
    else hangUp(socket, new AmcError("notary/refused", "a notary answers its own user only"))
  })
  server.maxConnections = MAX_CONNECTIONS
  await listen(server, socketPath)
  return () => {
    server.close()
    for (const socket of sockets) socket.destroy()
  }
}

function attend(socket: Socket, desk: NotaryDesk): void {
  const splitter = new LineSplitter(maxLine)
  // A client that goes away in the middle of an answer is no concern of the others.
  socket.on("error", () => socket.destroy())
  socket.on("data", (chunk: Buffer) => {
    const lines = splitter.push(chunk)
    for (const line of lines ?? []) reply(socket, answerLine(line, desk))
    if (lines !== null) return
    socket.removeAllListeners("data")
    hangUp(socket, new AmcError("input/too-large", `a request is at most ${maxLine} bytes`))
  })
}

/** Says why. What still comes is thrown away, since an end that finds its words refused reads no more. */
function hangUp(socket: Socket, why: AmcError): void {
  socket.on("error", () => socket.destroy()).resume()
  socket.end(Buffer.concat([encodeAnswer(why), newline]))
  setTimeout(() => socket.destroy(), HANG_UP_MS).unref()
}

function answerLine(line: Uint8Array, desk: NotaryDesk): Uint8Array {
  try {
    return answer(readRequest(line), desk)
  } catch (error) {
    if (!isFault(error)) throw error
    return encodeAnswer(error)
  }
}

function answer(request: NotaryRequest, { keys, unlocked }: NotaryDesk): Uint8Array {
  if (unlocked !== null && request.op === lendMonitor) return lend(unlocked.monitor)
  if (unlocked === null || request.op !== "lock") return encodeAnswer(answerRequest(request, keys))
  // After this answer is on its way.
  setImmediate(unlocked.lock)
  return encodeAnswer(new Uint8Array())
}

function lend(passphrase: Uint8Array | null): Uint8Array {
  if (passphrase !== null) return encodeLoan(passphrase)
  throw new AmcError("vault/locked", "the monitor's slot is locked")
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
  const line = Buffer.concat([answer, newline])
  answer.fill(0)
  if (socket.writableLength > 4 * maxLine) socket.destroy()
  else socket.write(line, () => line.fill(0))
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
