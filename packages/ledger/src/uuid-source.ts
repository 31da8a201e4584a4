import { v7 } from "uuid"
import type { IdSource } from "./lane-chain.ts"

/** Random UUIDv7s. */
export const uuidSource: IdSource = (ms) => v7({ msecs: ms })
