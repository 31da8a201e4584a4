import type { ErrorCode, MeasuredFacts } from "@amc/core"
import type { ResponseMeter } from "./response-meter.ts"

export type Completeness = MeasuredFacts<"llm_response">["completeness"]

/** The head of the provider's answer, as the client gets it. */
export interface Head {
  readonly status: number
  readonly message: string
  readonly headers: readonly string[]
  readonly contentType: string
}

/** How an exchange ended, with the end of the answer still in hand. */
export interface Ending {
  readonly completeness: Completeness
  /** Why the gateway answers itself, if it does. */
  readonly fault: ErrorCode | null
  /** Whether anything may have gone to the provider. */
  readonly isForwarded: boolean
  readonly head: Head | null
  readonly meter: ResponseMeter | null
  readonly receivedBytes: number
  /** The whole body if no head is sent yet; else the last piece of a body of known length. */
  readonly held: Uint8Array | null
  readonly firstByteMs: number
  readonly totalMs: number
  readonly retryAfterMs: number
}

/** The ending of a call that was not let through to its provider. */
export function refusedEnding(fault: ErrorCode): Ending {
  return {
    completeness: "refused",
    fault,
    isForwarded: false,
    head: null,
    meter: null,
    receivedBytes: 0,
    held: null,
    firstByteMs: 0,
    totalMs: 0,
    retryAfterMs: -1,
  }
}
