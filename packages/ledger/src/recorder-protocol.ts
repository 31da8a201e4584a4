import { AmcError, type ErrorCode, errorCodes, isFault } from "@amc/core"
import type { ObservationBatch } from "./observation-batch.ts"

/** What can be asked of the writer besides recording. */
export type WriterCall = "flush" | "checkpoint" | "heads" | "close"

/** A fault on its way between threads. */
export interface FaultMessage {
  readonly code: ErrorCode
  readonly message: string
  readonly hint: string | undefined
}

export type Outcome<T> =
  | { readonly id: number; readonly value: T }
  | { readonly id: number; readonly fault: FaultMessage }

/** From the client to the writer's thread. Ids of a batch count up from `first`. */
export type RequestMessage =
  | { readonly kind: "record"; readonly first: number; readonly batch: ObservationBatch }
  | { readonly kind: "call"; readonly id: number; readonly call: WriterCall }

/** From the writer's thread to the client. */
export type ReplyMessage =
  | { readonly kind: "ready" }
  | { readonly kind: "failed"; readonly fault: FaultMessage }
  /** The outcomes of what was recorded, as JSON. */
  | { readonly kind: "recorded"; readonly outcomes: string }
  | { readonly kind: "answer"; readonly outcome: Outcome<unknown> }

/** A fault as a message; a bug is not one and is thrown on. */
export function faultMessage(error: unknown): FaultMessage {
  if (!isFault(error)) throw error
  const { code, message, hint } = error
  return { code, message, hint }
}

export function faultOf({ code, message, hint }: FaultMessage): AmcError {
  const known = Object.hasOwn(errorCodes, code) ? code : "store/unavailable"
  return new AmcError(known, message, hint === undefined ? {} : { hint })
}
