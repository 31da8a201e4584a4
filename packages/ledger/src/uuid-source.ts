import { randomFillSync } from "node:crypto"
import { v7 } from "uuid"
import type { IdSource } from "./lane-chain.ts"

const idSize = 16
const pool = new Uint8Array(256 * idSize)
let used = pool.length

/**
 * UUIDv7s that ascend (RFC 9562 section 6.2): random ones, and within a millisecond the last with a little random
 * more. The randomness is fetched for many at a time, as a system call for each takes longer than the rest.
 */
export const uuidSource: IdSource = (ms, after) =>
  after === null || millisecondsOf(after) < ms ? randomId(ms) : successorOf(after)

function successorOf(id: string): string {
  const tail = Number.parseInt(id.slice(-12), 16) + 1 + (random(1)[0] as number)
  if (tail >= 2 ** 48) return randomId(millisecondsOf(id) + 1)
  return id.slice(0, -12) + tail.toString(16).padStart(12, "0")
}

function randomId(ms: number): string {
  return v7({ msecs: ms, random: random(idSize) })
}

function millisecondsOf(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)
}

function random(size: number): Uint8Array {
  if (used + size > pool.length) {
    randomFillSync(pool)
    used = 0
  }
  used += size
  return pool.subarray(used - size, used)
}
