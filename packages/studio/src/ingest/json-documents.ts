import { AmcError, malformed } from "@amc/core"

/** A line, or a file that is one document, has at most this many bytes. */
const documentSizeMax = 64 * 1024 * 1024

const lineFeed = 0x0a
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf])
const zip = Buffer.from("PK\u0003\u0004", "latin1")
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/**
 * Takes foreign bytes in pieces and gives the JSON documents in them: one a line, or the whole file as one,
 * if its first line is not a document by itself. A last line that breaks off is left out and told of.
 *
 * @throws {@link AmcError} `input/malformed`, `input/too-large`
 */
export class JsonDocuments {
  #rest: Buffer[] = []
  #restSize = 0
  #line = 0
  #isWhole = false
  #isTorn = false

  /** Whether the last line broke off, as it does where its writer was killed. */
  get isTorn(): boolean {
    return this.#isTorn
  }

  *push(piece: Uint8Array): Generator<unknown> {
    let bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
    for (;;) {
      const end = this.#isWhole ? -1 : bytes.indexOf(lineFeed)
      this.#keep(end < 0 ? bytes : bytes.subarray(0, end + 1))
      if (end < 0) return
      bytes = bytes.subarray(end + 1)
      yield* this.#endLine()
    }
  }

  *end(): Generator<unknown> {
    const last = this.#take()
    if (isBlank(last)) {
      if (this.#line === 0) throw malformed("the file is empty")
      return
    }
    const value = parse(last)
    if (value !== undefined) yield value.value
    else if (this.#line === 0 || this.#isWhole) throw notJson(last)
    else this.#isTorn = true
  }

  *#endLine(): Generator<unknown> {
    const line = this.#take()
    if (isBlank(line) && this.#line === 0) return
    this.#line++
    if (isBlank(line)) return
    const value = parse(line)
    if (value !== undefined) return yield value.value
    if (this.#line > 1) throw malformed(`line ${this.#line} is not JSON`)
    this.#isWhole = true
    this.#keep(line)
  }

  #keep(bytes: Buffer): void {
    this.#restSize += bytes.length
    if (this.#restSize > documentSizeMax)
      throw new AmcError("input/too-large", `a document has more than ${documentSizeMax} bytes`)
    // The caller may use its buffer again.
    this.#rest.push(Buffer.from(bytes))
  }

  #take(): Buffer {
    const whole = Buffer.concat(this.#rest)
    this.#rest = []
    this.#restSize = 0
    return whole
  }
}

/** `undefined` if it is no JSON, or no UTF-8; a byte order mark in front is none. */
function parse(bytes: Buffer): { readonly value: unknown } | undefined {
  return parsed(() => decoder.decode(bytes)) ?? parsed(() => withoutNaN(decoder.decode(bytes)))
}

function parsed(text: () => string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text()) }
  } catch {
    return undefined
  }
}

/** Python writes numbers that JSON has not, as Inspect does for a sample that has no score; here they are null. */
function withoutNaN(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/gu, (found) =>
    found.startsWith('"') ? found : "null",
  )
}

function isBlank(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d || byte === lineFeed)
}

function notJson(bytes: Buffer): AmcError {
  const hint = bytes.subarray(0, zip.length).equals(zip)
    ? "it is a zip archive; an Inspect log becomes JSON by 'inspect log dump <file>'"
    : bytes.subarray(0, byteOrderMark.length).equals(byteOrderMark)
      ? "it begins with a byte order mark, which has no place there"
      : "it has to be one JSON document, or one a line"
  return new AmcError("input/malformed", "the file is not JSON", { hint })
}
