import {
  AmcError,
  canonicalize,
  errorCodes,
  type ErrorCode,
  fromBase64,
  type JsonValue,
  malformed,
  parseCanonical,
  toBase64,
} from "@amc/core"
import { z } from "zod"
import { slotNames } from "./vault-header.ts"
import { WrongPassphrase } from "./wrong-passphrase.ts"

/** One request to the notary. Who sent it may be anybody of this user. */
export interface NotaryRequest {
  readonly op: string
  readonly payload: Uint8Array
}

/** A line on the notary's socket is never longer than this. */
export const maxLine = 1_048_576

const requestSchema = z.strictObject({ op: z.string().max(64), payload: z.string() })
const answerSchema = z.union([
  z.strictObject({ result: z.string() }),
  z.strictObject({ code: z.string(), message: z.string(), slot: z.enum(slotNames).optional() }),
])

/** A request as canonical JSON without its newline. */
export function encodeRequest({ op, payload }: NotaryRequest): Uint8Array {
  return canonicalize({ op, payload: toBase64(payload) })
}

/** Reads a request. @throws {@link AmcError} `input/malformed` */
export function parseRequest(line: Uint8Array): NotaryRequest {
  const { op, payload } = read(requestSchema, parseCanonical(line))
  return { op, payload: fromBase64(payload) }
}

/** An answer as canonical JSON without its newline: the result, or the fault's code and message. */
export function encodeAnswer(answer: Uint8Array | AmcError): Uint8Array {
  if (!(answer instanceof AmcError)) return canonicalize({ result: toBase64(answer) })
  const { code, message } = answer
  const slot = answer instanceof WrongPassphrase ? { slot: answer.slot } : {}
  return canonicalize({ code, message, ...slot })
}

/**
 * The result in an answer.
 *
 * @throws {@link AmcError} the fault that the notary answered with; `input/malformed`
 */
export function openAnswer(line: Uint8Array): Uint8Array {
  const answer = read(answerSchema, parseCanonical(line))
  if ("result" in answer) return fromBase64(answer.result)
  if (answer.slot !== undefined) throw new WrongPassphrase(answer.slot)
  if (!Object.hasOwn(errorCodes, answer.code)) throw malformed("notary answered an unknown code")
  throw new AmcError(answer.code as ErrorCode, answer.message)
}

function read<T>(schema: z.ZodType<T>, value: JsonValue): T {
  const parsed = schema.safeParse(value)
  if (!parsed.success) throw malformed("line on the notary's socket breaks its schema")
  return parsed.data
}
