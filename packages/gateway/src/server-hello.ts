/** How a server answers a ClientHello: `retry` asks for it anew. */
export type ServerAnswer = "more" | "retry" | "other"

const [changeCipherSpec, alert, handshakeRecord] = [20, 21, 22]
const serverHello = 2
/** Of a handshake message: its type, length and version, then the random. */
const [randomAt, randomEnd] = [6, 38]
/** The random of each HelloRetryRequest, which is the SHA-256 of that word. */
const retryRandom = Buffer.from(
  "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c",
  "hex",
)

/**
 * Reads a TLS server's first message (RFC 8446 section 4.1.3), in one record or in several, behind warnings.
 * Total: any bytes have an answer. `more` asks for further bytes; the caller bounds how many.
 */
export function readServerAnswer(bytes: Uint8Array): ServerAnswer {
  const pieces: Uint8Array[] = []
  let have = 0
  for (let at = 0; have < randomEnd;) {
    const type = bytes[at] ?? handshakeRecord
    const isPassedOver = have === 0 && (type === alert || type === changeCipherSpec)
    if (type !== handshakeRecord && !isPassedOver) return "other"
    if (bytes.length - at < 5) return "more"
    const length = ((bytes[at + 3] ?? 0) << 8) | (bytes[at + 4] ?? 0)
    const piece = bytes.subarray(at + 5, at + 5 + length)
    at += 5 + length
    if (isPassedOver) continue
    pieces.push(piece)
    have += piece.length
    if (have > 0 && firstOf(pieces) !== serverHello) return "other"
  }
  const message = Buffer.concat(pieces)
  return retryRandom.equals(message.subarray(randomAt, randomEnd)) ? "retry" : "other"
}

function firstOf(pieces: readonly Uint8Array[]): number | undefined {
  return pieces.find(({ length }) => length > 0)?.[0]
}
