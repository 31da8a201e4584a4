import { createHash, timingSafeEqual } from "node:crypto"
import type { IncomingMessage } from "node:http"
import { type Fields, fieldsOf } from "./fields.ts"
import { badRequest, Problem } from "./problem.ts"

const maxBodyBytes = 8 * 1024 * 1024

/**
 * Checks the bearer key of a request.
 *
 * @throws Problem 401
 */
export function authorize(request: IncomingMessage, apiKey: string): void {
  const given = digestOf(request.headers.authorization ?? "")
  if (!timingSafeEqual(given, digestOf(`Bearer ${apiKey}`)))
    throw new Problem(401, "invalid_api_key", "the API key is missing or not the right one")
}

/**
 * Reads a request's JSON body. One that is too large is read to its end and dropped, so that the client
 * gets the refusal and not a broken connection.
 *
 * @throws Problem 400 or 413
 */
export async function jsonBody(request: IncomingMessage): Promise<Fields> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size <= maxBodyBytes) chunks.push(chunk)
  }
  if (size > maxBodyBytes)
    throw new Problem(413, "request_too_large", `the body is larger than ${maxBodyBytes} bytes`)
  return fieldsOf(parse(Buffer.concat(chunks)), "the body")
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8")) as unknown
  } catch {
    throw badRequest("the body is not JSON")
  }
}

function digestOf(text: string): Buffer {
  return createHash("sha256").update(text).digest()
}
