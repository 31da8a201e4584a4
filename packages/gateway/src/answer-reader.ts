import type { AnswerDocument, ResponseFacts } from "./answer-document.ts"
import { EventStreamScan } from "./event-stream.ts"
import { ForeignValues } from "./foreign-values.ts"
import type { Format } from "./format.ts"
import type { Framing, FrameSink } from "./frame-sink.ts"
import { JsonScan } from "./json-scan.ts"
import { LineScan } from "./line-scan.ts"
import type { SecretScanner } from "./secret-scanner.ts"
import { SseScan } from "./sse-scan.ts"

const framings: readonly { readonly type: RegExp; readonly open: (sink: FrameSink) => Framing }[] =
  [
    { type: /^text\/event-stream\b/i, open: (sink) => new SseScan(sink) },
    {
      type: /^application\/vnd\.amazon\.eventstream\b/i,
      open: (sink) => new EventStreamScan(sink),
    },
    {
      type: /^application\/(?:x-ndjson|jsonl|stream\+json)\b/i,
      open: (sink) => new LineScan(sink),
    },
  ]
const json = /^application\/(?:[\w.-]+\+)?json\b/i

const headMax = 16

/** Whether a content type is one of those that come in frames. */
export function isFramed(contentType: string): boolean {
  return framings.some(({ type }) => type.test(contentType))
}

/** A reader for an answer; null for one that is neither JSON nor made of frames. */
export function openAnswerReader(
  format: Format,
  contentType: string,
  secrets: SecretScanner,
): AnswerReader | null {
  const framing = framings.find(({ type }) => type.test(contentType))
  if (framing === undefined && !json.test(contentType)) return null
  return new AnswerReader(format, framing?.open ?? null, secrets)
}

/** Reads an answer while it streams by, in bounded memory and without keeping any of it. */
export class AnswerReader implements FrameSink {
  readonly #document: AnswerDocument
  readonly #framing: Framing | null
  readonly #scan: JsonScan
  /** The first bytes of the frame's data. */
  readonly #head = Buffer.allocUnsafe(headMax)
  #headSize = 0
  #isBroken = false

  constructor(
    format: Format,
    openFraming: ((sink: FrameSink) => Framing) | null,
    secrets: SecretScanner,
  ) {
    this.#document = format.openAnswer(new ForeignValues(secrets))
    this.#framing = openFraming?.(this) ?? null
    this.#scan = new JsonScan(this.#document, this.#framing !== null)
  }

  /** What the headers say, before any of the body. */
  header(fieldOf: (name: string) => string | null): void {
    this.#document.header(fieldOf)
  }

  push(piece: Uint8Array): void {
    if (this.#framing === null) this.#scan.push(piece)
    else this.#framing.push(piece)
  }

  data(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length && this.#headSize < headMax; at++)
      this.#head[this.#headSize++] = bytes[at] as number
    this.#scan.push(bytes)
  }

  frameEnd(isSound: boolean): void {
    const isJson = this.#scan.end() && isSound
    if (isJson) this.#document.fold(true)
    else this.#document.drop()
    if (!isJson && !(isSound && this.#isEmpty())) this.#isBroken = true
    this.#headSize = 0
  }

  /** Whether the frame says nothing, as the one at the end of OpenAI's streams does. */
  #isEmpty(): boolean {
    const head = this.#head.toString("latin1", 0, this.#headSize).trim()
    return head === "" || head.startsWith("[DONE]")
  }

  /** The facts so far. `isWhole` says whether the answer came to its end. */
  end(isWhole: boolean): ResponseFacts {
    if (this.#framing === null) this.#endBody()
    else if (isWhole && !this.#framing.end()) this.#isBroken = true
    const { reported, truncated } = this.#document.facts()
    return { reported, truncated: truncated || this.#isBroken }
  }

  #endBody(): void {
    if (this.#scan.end()) return this.#document.fold(false)
    this.#isBroken = true
    this.#document.drop()
  }
}
