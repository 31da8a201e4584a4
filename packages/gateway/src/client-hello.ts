/** What the first bytes of a tunnel are. */
export type HelloReading =
  | { readonly state: "more" }
  | { readonly state: "other" }
  | {
      readonly state: "hello"
      /** As it was sent; null if none was. */
      readonly serverName: string | null
      /** Whether an encrypted hello is inside, or bytes that look like one. */
      readonly isEncrypted: boolean
      /** How many bytes it takes up, with the heads of its records. */
      readonly size: number
    }

const more: HelloReading = { state: "more" }
const other: HelloReading = { state: "other" }
const handshakeRecord = 22
const clientHello = 1
const recordMax = 16_384
const [serverNameExtension, encryptedHelloExtension] = [0, 0xfe0d]

/**
 * Reads the TLS ClientHello that a tunnel begins with (RFC 8446 section 4.1.2, RFC 6066 section 3), in one
 * record or in several. Total: any bytes have an answer. `more` asks for further bytes; the caller bounds
 * how many. Anything but exactly one well-formed ClientHello in handshake records of its own is `other`.
 */
export function readClientHello(bytes: Uint8Array): HelloReading {
  const pieces: Uint8Array[] = []
  let [have, claimed, wanted] = [0, 0, 0]
  for (let at = 0; ;) {
    if (!startsRecord(bytes, at)) return other
    if (bytes.length - at < 5) return more
    const length = u16(bytes, at + 3)
    if (length === 0 || length > recordMax) return other
    const piece = bytes.subarray(at + 5, at + 5 + length)
    pieces.push(piece)
    have += piece.length
    claimed += length
    if (have > 0 && firstByte(pieces) !== clientHello) return other
    if (wanted === 0 && have >= 4) wanted = 4 + lengthOf(pieces)
    // Whatever follows in the last record would be hidden from who reads the hello alone.
    if (wanted > 0 && claimed > wanted) return other
    if (wanted > 0 && have === wanted) return readBody(joined(pieces), at + 5 + length)
    if (piece.length < length) return more
    at += 5 + length
  }
}

/** As far as there are bytes to tell. */
function startsRecord(bytes: Uint8Array, at: number): boolean {
  return (bytes[at] ?? handshakeRecord) === handshakeRecord && (bytes[at + 1] ?? 3) === 3
}

function firstByte(pieces: readonly Uint8Array[]): number | undefined {
  return pieces.find(({ length }) => length > 0)?.[0]
}

function lengthOf(pieces: readonly Uint8Array[]): number {
  const head = joined(pieces)
  return ((head[1] ?? 0) << 16) | u16(head, 2)
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const [first = new Uint8Array()] = pieces
  return pieces.length < 2 ? first : Buffer.concat(pieces)
}

function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
}

/** Takes vectors off the front of some bytes; null where a length leads past their end. */
class Vectors {
  readonly #bytes: Uint8Array
  #at: number
  readonly #end: number

  constructor(bytes: Uint8Array, from = 0, end: number = bytes.length) {
    this.#bytes = bytes
    this.#at = from
    this.#end = end
  }

  get length(): number {
    return this.#end - this.#at
  }

  get isEmpty(): boolean {
    return this.length === 0
  }

  take(size: number): Vectors | null {
    if (this.length < size) return null
    const from = this.#at
    this.#at += size
    return new Vectors(this.#bytes, from, this.#at)
  }

  number(size: 1 | 2): number | null {
    if (this.length < size) return null
    const from = this.#at
    this.#at += size
    return size === 1 ? (this.#bytes[from] ?? 0) : u16(this.#bytes, from)
  }

  vector(lengthSize: 1 | 2): Vectors | null {
    const length = this.number(lengthSize)
    return length === null ? null : this.take(length)
  }

  /** What is left, a character for each byte. */
  text(): string {
    const { buffer, byteOffset } = this.#bytes
    return Buffer.from(buffer, byteOffset + this.#at, this.length).toString("latin1")
  }
}

function readBody(message: Uint8Array, size: number): HelloReading {
  const parts = new Vectors(message, 4)
  const head = parts.take(34)
  const session = parts.vector(1)
  const ciphers = parts.vector(2)
  const compressions = parts.vector(1)
  if (head === null || session === null || ciphers === null || compressions === null) return other
  if (session.length > 32 || ciphers.length < 2 || ciphers.length % 2 !== 0) return other
  if (compressions.length === 0) return other
  if (parts.isEmpty) return { state: "hello", serverName: null, isEncrypted: false, size }
  const extensions = parts.vector(2)
  return extensions === null || !parts.isEmpty ? other : readExtensions(extensions, size)
}

function readExtensions(parts: Vectors, size: number): HelloReading {
  const found = new Set<number>()
  let names: Vectors | null = null
  while (!parts.isEmpty) {
    const type = parts.number(2)
    const data = parts.vector(2)
    if (type === null || data === null || found.has(type)) return other
    found.add(type)
    if (type === serverNameExtension) names = data
  }
  const isEncrypted = found.has(encryptedHelloExtension)
  if (names === null) return { state: "hello", serverName: null, isEncrypted, size }
  const serverName = readServerName(names)
  return serverName === null ? other : { state: "hello", serverName, isEncrypted, size }
}

/** One name of the only kind that there is. */
function readServerName(outer: Vectors): string | null {
  const parts = outer.vector(2)
  if (parts === null || !outer.isEmpty) return null
  const kind = parts.number(1)
  const name = parts.vector(2)
  if (kind !== 0 || name === null || name.isEmpty || !parts.isEmpty) return null
  const text = name.text()
  return /^[\x21-\x7e]{1,255}$/.test(text) ? text : null
}
