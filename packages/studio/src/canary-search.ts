import { closeSync, lstatSync, openSync, opendirSync, readSync } from "node:fs"
import { join } from "node:path"
import { SecretScanner } from "@amc/gateway"

const pieceSize = 256 * 1024
const mostEntries = 20_000
const mostBytes = 64 * 1024 * 1024

/** What a search of a folder came to. */
export interface CanarySearch {
  readonly found: number
  readonly bytes: number
  /** Everything in the folder was read. */
  readonly isComplete: boolean
}

/** Looks for a text, in any form that a secret is looked for, in the files that an agent left behind. */
export function searchForCanary(folder: string, canary: string): CanarySearch {
  const scanner = new SecretScanner([Buffer.from(canary)])
  const room = Buffer.alloc(pieceSize)
  let [found, bytes, entries, isComplete] = [0, 0, 0, true]
  const queue = [folder]
  for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
    if (++entries > mostEntries || bytes >= mostBytes) return { found, bytes, isComplete: false }
    try {
      const stat = lstatSync(path)
      if (stat.isDirectory()) queue.push(...entriesOf(path))
      else if (stat.isFile()) {
        const stream = scanner.stream()
        bytes += readPieces(path, room, mostBytes - bytes, (piece) => stream.push(piece))
        found += stream.found
      }
    } catch {
      // Made unreadable, or too deep to be named: said and not skipped in silence.
      isComplete = false
    }
  }
  return { found, bytes, isComplete }
}

function entriesOf(folder: string): string[] {
  const open = opendirSync(folder)
  const names: string[] = []
  try {
    for (let entry = open.readSync(); entry !== null; entry = open.readSync())
      if (names.push(join(folder, entry.name)) > mostEntries) break
  } finally {
    open.closeSync()
  }
  return names
}

function readPieces(
  file: string,
  room: Buffer,
  most: number,
  take: (piece: Uint8Array) => void,
): number {
  const fd = openSync(file, "r")
  try {
    let bytes = 0
    for (let got = -1; got !== 0 && bytes < most; bytes += got) {
      got = readSync(fd, room, 0, room.length, null)
      take(room.subarray(0, got))
    }
    return bytes
  } finally {
    closeSync(fd)
  }
}
