import type { ResponseFacts } from "./answer-document.ts"
import { openAnswerReader } from "./answer-reader.ts"
import type { FormatName } from "./format.ts"
import { formatNamed } from "./formats.ts"
import { RequestReader } from "./request-reader.ts"
import { SecretScanner } from "./secret-scanner.ts"

export const secrets: SecretScanner = new SecretScanner([Buffer.from("sk-secret-key")])

/** What is read of a request. */
export function readRequest(
  path: string,
  body: string,
  method = "POST",
): ReturnType<RequestReader["end"]> {
  const reader = new RequestReader(method, path, secrets)
  reader.push(Buffer.from(body))
  return reader.end()
}

export interface AnswerTerms {
  /** How long the pieces are that the body comes in; the rest comes at once. */
  readonly cuts?: readonly number[]
  readonly isWhole?: boolean
  readonly headers?: Readonly<Record<string, string>>
}

/** What is read of an answer. */
export function readAnswer(
  name: FormatName,
  contentType: string,
  body: string | Uint8Array,
  { cuts = [], isWhole = true, headers = {} }: AnswerTerms = {},
): ResponseFacts {
  const format = formatNamed(name)
  const reader = format && openAnswerReader(format, contentType, secrets)
  if (reader === null) throw new Error(`nothing reads ${name} as ${contentType}`)
  reader.header((field) => headers[field] ?? null)
  const bytes = Buffer.from(body as Uint8Array)
  let at = 0
  for (const cut of cuts) reader.push(bytes.subarray(at, (at += cut)))
  reader.push(bytes.subarray(at))
  return reader.end(isWhole)
}

/** Server-sent events, one for each value; a text stands as it is. */
export function eventsOf(...data: readonly unknown[]): string {
  return data
    .map((each) => `data: ${typeof each === "string" ? each : JSON.stringify(each)}\n\n`)
    .join("")
}
