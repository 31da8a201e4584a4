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
    if (wanted > 0 && have === wanted) return readBody(Buffer.concat(pieces).subarray(4))
    if (piece.length < length) return more
    at += 5 + length
  }
}

/** As far as there are bytes to tell. */
function startsRecord(bytes: Uint8Array, at: number): boolean {
  const [type = handshakeRecord, major = 3] = bytes.subarray(at, at + 2)
  return type === handshakeRecord && major === 3
}

function firstByte(pieces: readonly Uint8Array[]): number | undefined {
  return pieces.find(({ length }) => length > 0)?.[0]
}

function lengthOf(pieces: readonly Uint8Array[]): number {
  const head = Buffer.concat(pieces)
  return head.readUIntBE(1, 3)
}

function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
}

/** Takes vectors off the front of some bytes; null where a length leads past their end. */
class Vectors {
  #rest: Uint8Array

  constructor(bytes: Uint8Array) {
    this.#rest = bytes
  }

  get isEmpty(): boolean {
    return this.#rest.length === 0
  }

  take(size: number): Uint8Array | null {
    if (this.#rest.length < size) return null
    const taken = this.#rest.subarray(0, size)
    this.#rest = this.#rest.subarray(size)
    return taken
  }

  number(size: 1 | 2): number | null {
    const bytes = this.take(size)
    if (bytes === null) return null
    return size === 1 ? (bytes[0] ?? 0) : u16(bytes, 0)
  }

  vector(lengthSize: 1 | 2): Uint8Array | null {
    const length = this.number(lengthSize)
    return length === null ? null : this.take(length)
  }
}

function readBody(body: Uint8Array): HelloReading {
  const parts = new Vectors(body)
  const head = parts.take(34)
  const session = parts.vector(1)
  const ciphers = parts.vector(2)
  const compressions = parts.vector(1)
  if (head === null || session === null || ciphers === null || compressions === null) return other
  if (session.length > 32 || ciphers.length < 2 || ciphers.length % 2 !== 0) return other
  if (compressions.length === 0) return other
  if (parts.isEmpty) return { state: "hello", serverName: null, isEncrypted: false }
  const extensions = parts.vector(2)
  return extensions === null || !parts.isEmpty ? other : readExtensions(extensions)
}

function readExtensions(bytes: Uint8Array): HelloReading {
  const parts = new Vectors(bytes)
  const found = new Map<number, Uint8Array>()
  while (!parts.isEmpty) {
    const type = parts.number(2)
    const data = parts.vector(2)
    if (type === null || data === null || found.has(type)) return other
    found.set(type, data)
  }
  const isEncrypted = found.has(encryptedHelloExtension)
  const names = found.get(serverNameExtension)
  if (names === undefined) return { state: "hello", serverName: null, isEncrypted }
  const serverName = readServerName(names)
  return serverName === null ? other : { state: "hello", serverName, isEncrypted }
}

/** One name of the only kind that there is. */
function readServerName(bytes: Uint8Array): string | null {
  const outer = new Vectors(bytes)
  const list = outer.vector(2)
  if (list === null || !outer.isEmpty) return null
  const parts = new Vectors(list)
  const kind = parts.number(1)
  const name = parts.vector(2)
  if (kind !== 0 || name === null || name.length === 0 || !parts.isEmpty) return null
  const text = Buffer.from(name).toString("latin1")
  return /^[\x21-\x7e]{1,255}$/.test(text) ? text : null
}
