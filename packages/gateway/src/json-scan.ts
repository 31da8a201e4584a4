import { AlikeOpening, type Opening } from "./json-opening.ts"
import { textOf } from "./short-texts.ts"

export type JsonScalar = string | number | boolean | null

/** Where a value lies: member names and array positions from the top. */
export type JsonPath = readonly (string | number)[]

export interface JsonVisitor {
  /** Values that lie deeper than this many steps are passed over. */
  readonly depth: number
  /** A value, or the start of an object or array (`undefined`). The path is reused after the call. */
  value(path: JsonPath, value: JsonScalar | undefined): void
  /** Whether the object or array that starts here is looked into; all are if this is left out. The path alone decides. */
  enters?(path: JsonPath): boolean
  /** Who gets the text of the string that starts here, in pieces and with its escapes as they are. */
  textSink?(path: JsonPath): ((bytes: Uint8Array) => void) | null
}

const quote = 0x22
const backslash = 0x5c
const [openBrace, closeBrace, openBracket, closeBracket, colon, comma] = [
  0x7b, 0x7d, 0x5b, 0x5d, 0x3a, 0x2c,
]
/** A longer string is handed over cut, without its escapes resolved. */
const capturedMax = 4096
const nestingMax = 512
const bareMax = 64
/** Where a search by hand is faster than a call into Node's. */
const nearby = 48

/** Where a scan stands between two tokens. */
interface Place {
  readonly arrays: readonly boolean[]
  readonly path: JsonPath
  readonly expect: Expect
  readonly hiddenFrom: number
}

/** A value that was shown of a document. */
interface Shown {
  readonly path: JsonPath
  readonly value: JsonScalar | undefined
}

/** How a document began: where reading stood after so many bytes, and what it had shown by then. */
interface KnownOpening extends Opening {
  readonly shown: readonly Shown[]
  readonly place: Place
}

type Expect = "value" | "value-or-end" | "key" | "key-or-end" | "colon" | "comma-or-end" | "nothing"

/**
 * Reads JSON in pieces of any size, in bounded memory, and shows a visitor the values near the top.
 *
 * Foreign bytes: nothing is thrown, {@link JsonScan.end} tells whether they were JSON. What was shown
 * before that answer is only a claim. Where a member name is repeated, each is shown.
 */
export class JsonScan {
  readonly #visitor: JsonVisitor
  /** For each open container, whether it is an array. */
  readonly #arrays: boolean[] = []
  readonly #path: (string | number)[] = []
  #expect: Expect = "value"
  #broken = false
  #inString = false
  #isKey = false
  #escaped = false
  /** The number or literal that is being read. */
  #bare = ""
  #captured: Buffer | null = null
  #capturedSize = 0
  #capturing = false
  #sink: ((bytes: Uint8Array) => void) | null = null
  /** Values at this many steps or more lie in what the visitor does not enter. */
  #hiddenFrom = Infinity
  readonly #opening: AlikeOpening<KnownOpening> | null
  /** What is shown of the opening that is being learned. */
  #shown: Shown[] | null = null

  /** `areAlike` says that many documents will come, each much like the one before. */
  constructor(visitor: JsonVisitor, areAlike = false) {
    this.#visitor = visitor
    this.#opening = areAlike && visitor.textSink === undefined ? new AlikeOpening() : null
  }

  /** Takes the next piece. */
  push(piece: Uint8Array): void {
    const bytes = Buffer.isBuffer(piece)
      ? piece
      : Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
    let at = this.#opening !== null && this.#isFresh() ? this.#open(bytes, this.#opening) : 0
    while (at < bytes.length && !this.#broken) at = this.#read(bytes, at)
  }

  #read(bytes: Buffer, at: number): number {
    return this.#inString ? this.#readString(bytes, at) : this.#readToken(bytes, at)
  }

  #isFresh(): boolean {
    return this.#expect === "value" && this.#arrays.length === 0 && !this.#inString && !this.#broken
  }

  /** Shows the beginning of a document that is known from the one before. Gives where reading goes on. */
  #open(bytes: Buffer, opening: AlikeOpening<KnownOpening>): number {
    if (this.#bare !== "") return 0
    const alike = opening.alike(bytes)
    if (opening.isLesson(alike)) return this.#learn(bytes, alike, opening)
    const known = opening.known(alike)
    if (known === null) return 0
    const { shown, place } = known
    for (let at = 0; at < shown.length; at++) {
      const one = shown[at] as Shown
      this.#visitor.value(one.path, one.value)
    }
    for (let at = 0; at < place.path.length; at++) {
      this.#arrays.push(place.arrays[at] as boolean)
      this.#path.push(place.path[at] as string | number)
    }
    this.#expect = place.expect
    this.#hiddenFrom = place.hiddenFrom
    return known.end
  }

  #learn(bytes: Buffer, alike: number, opening: AlikeOpening<KnownOpening>): number {
    this.#shown = []
    let at = 0
    let latest: KnownOpening | null = null
    while (at < alike && !this.#broken) {
      if (!this.#inString && this.#bare === "")
        latest = { end: at, shown: this.#shown.slice(), place: this.#place() }
      at = this.#read(bytes, at)
    }
    this.#shown = null
    opening.learn(bytes, alike, this.#broken ? null : latest)
    return at
  }

  #place(): Place {
    return {
      arrays: this.#arrays.slice(),
      path: this.#path.slice(),
      expect: this.#expect,
      hiddenFrom: this.#hiddenFrom,
    }
  }

  /** Whether all that was pushed is one JSON value. The next push begins another. */
  end(): boolean {
    this.#endBare()
    const isJson = !this.#broken && this.#expect === "nothing"
    this.#arrays.length = this.#path.length = 0
    this.#expect = "value"
    this.#broken = this.#inString = false
    this.#hiddenFrom = Infinity
    return isJson
  }

  #readToken(bytes: Buffer, at: number): number {
    const byte = bytes[at] as number
    if (isBare(byte)) return this.#readBare(bytes, at)
    this.#endBare()
    if (this.#broken || isSpace(byte)) return at + 1
    switch (byte) {
      case quote:
        this.#startString()
        break
      case openBrace:
      case openBracket:
        this.#enter(byte === openBracket)
        break
      case closeBrace:
      case closeBracket:
        this.#leave(byte === closeBracket)
        break
      case colon:
        this.#step("colon", "value")
        break
      case comma:
        this.#next()
        break
      default:
        this.#broken = true
    }
    return at + 1
  }

  #readBare(bytes: Buffer, from: number): number {
    let at = from + 1
    while (at < bytes.length && isBare(bytes[at] as number)) at++
    if (this.#bare.length + at - from > bareMax) this.#broken = true
    else this.#bare += textOf(bytes, from, at)
    return at
  }

  #startString(): void {
    this.#isKey = this.#expect === "key" || this.#expect === "key-or-end"
    if (!this.#isKey && !this.#mayStartValue()) return
    this.#inString = true
    this.#escaped = false
    this.#capturing = this.#isVisible()
    this.#capturedSize = 0
    this.#sink =
      this.#capturing && !this.#isKey ? (this.#visitor.textSink?.(this.#path) ?? null) : null
  }

  #readString(bytes: Buffer, from: number): number {
    let at = from
    for (;;) {
      const end = quoteFrom(bytes, at)
      const stop = end < 0 ? bytes.length : end
      const escaped = endsEscaped(bytes, at, stop, this.#escaped)
      if (end < 0) {
        this.#keep(bytes.subarray(from))
        this.#escaped = escaped
        return bytes.length
      }
      this.#escaped = false
      at = end + 1
      if (escaped) continue
      this.#endString(bytes, from, end)
      return at
    }
  }

  /** Takes a part of a string that goes on in the next piece, or did in the last. */
  #keep(bytes: Uint8Array): void {
    this.#sink?.(bytes)
    if (!this.#capturing) return
    this.#captured ??= Buffer.allocUnsafe(capturedMax)
    const part = bytes.subarray(0, capturedMax - this.#capturedSize)
    this.#captured.set(part, this.#capturedSize)
    this.#capturedSize += part.length
  }

  #endString(bytes: Buffer, from: number, end: number): void {
    this.#inString = false
    const text = this.#capturing ? this.#capturedText(bytes, from, end) : ""
    if (this.#isKey) {
      this.#path[this.#path.length - 1] = text
      this.#expect = "colon"
      return
    }
    if (this.#capturing) this.#show(text)
    this.#endValue()
  }

  #capturedText(bytes: Buffer, from: number, end: number): string {
    if (this.#capturedSize > 0) {
      this.#keep(bytes.subarray(from, end))
      return this.#unescaped(this.#captured as Buffer, 0, this.#capturedSize)
    }
    this.#sink?.(bytes.subarray(from, end))
    return this.#unescaped(bytes, from, end)
  }

  #unescaped(bytes: Buffer, from: number, end: number): string {
    const raw = textOf(bytes, from, Math.min(end, from + capturedMax))
    if (end - from >= capturedMax || !raw.includes("\\")) return raw
    try {
      return JSON.parse(`"${raw}"`) as string
    } catch {
      // An escape that JSON does not have.
      this.#broken = true
      return ""
    }
  }

  #endBare(): void {
    if (this.#bare === "") return
    const value = bareValue(this.#bare)
    this.#bare = ""
    if (value === undefined) this.#broken = true
    if (this.#broken || !this.#mayStartValue()) return
    this.#show(value)
    this.#endValue()
  }

  #enter(isArray: boolean): void {
    if (!this.#mayStartValue()) return
    this.#show(undefined)
    if (this.#arrays.length >= nestingMax) this.#broken = true
    const isEntered = !this.#isVisible() || (this.#visitor.enters?.(this.#path) ?? true)
    this.#arrays.push(isArray)
    this.#path.push(isArray ? 0 : "")
    if (!isEntered) this.#hiddenFrom = this.#path.length
    this.#expect = isArray ? "value-or-end" : "key-or-end"
  }

  #leave(isArray: boolean): void {
    const empty = isArray ? "value-or-end" : "key-or-end"
    const fits = this.#expect === empty || this.#expect === "comma-or-end"
    if (!fits || this.#arrays.pop() !== isArray) {
      this.#broken = true
      return
    }
    this.#path.pop()
    if (this.#path.length < this.#hiddenFrom) this.#hiddenFrom = Infinity
    this.#endValue()
  }

  #next(): void {
    const isArray = this.#arrays.at(-1)
    this.#step("comma-or-end", isArray === true ? "value" : "key")
    if (isArray === true) {
      const last = this.#path.length - 1
      this.#path[last] = (this.#path[last] as number) + 1
    }
  }

  #step(from: Expect, to: Expect): void {
    if (this.#expect === from) this.#expect = to
    else this.#broken = true
  }

  #mayStartValue(): boolean {
    if (this.#expect !== "value" && this.#expect !== "value-or-end") this.#broken = true
    return !this.#broken
  }

  #show(value: JsonScalar | undefined): void {
    if (!this.#isVisible()) return
    this.#shown?.push({ path: this.#path.slice(), value })
    this.#visitor.value(this.#path, value)
  }

  #isVisible(): boolean {
    return this.#path.length <= this.#visitor.depth && this.#path.length < this.#hiddenFrom
  }

  #endValue(): void {
    this.#expect = this.#arrays.length === 0 ? "nothing" : "comma-or-end"
  }
}

/** Where the next quote is; -1 if there is none. */
function quoteFrom(bytes: Buffer, from: number): number {
  const stop = Math.min(bytes.length, from + nearby)
  for (let at = from; at < stop; at++) if (bytes[at] === quote) return at
  return stop === bytes.length ? -1 : bytes.indexOf(quote, stop)
}

/** Whether the byte at `stop` is escaped, by the backslashes that run up to it. */
function endsEscaped(bytes: Buffer, from: number, stop: number, before: boolean): boolean {
  let at = stop
  while (at > from && bytes[at - 1] === backslash) at--
  const isOdd = (stop - at) % 2 === 1
  return at === from && before ? !isOdd : isOdd
}

function bareValue(text: string): JsonScalar | undefined {
  if (text === "true") return true
  if (text === "false") return false
  if (text === "null") return null
  return /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text) ? Number(text) : undefined
}

function isBare(byte: number): boolean {
  return (
    (byte >= 0x61 && byte <= 0x7a) ||
    (byte >= 0x30 && byte <= 0x39) ||
    byte === 0x2d ||
    byte === 0x2b ||
    byte === 0x2e ||
    byte === 0x45
  )
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}
