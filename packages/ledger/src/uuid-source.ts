import { randomFillSync } from "node:crypto"
import { v7 } from "uuid"
import type { IdSource } from "./lane-chain.ts"

const idSize = 16
const pool = new Uint8Array(256 * idSize)
let used = pool.length

/** Random UUIDv7s. The randomness is fetched for many at a time, as a system call for each takes longer than the rest. */
export const uuidSource: IdSource = (ms) => {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  used += idSize
  return v7({ msecs: ms, random: pool.subarray(used - idSize, used) })
}
