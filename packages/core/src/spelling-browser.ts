const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
const standard = codesOf(`${letters}+/`)
const url = codesOf(`${letters}-_`)
const pad = 0x3d
const ascii = new TextDecoder()
const hexOfByte = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"))

/** Bytes as lower-case hexadecimal. */
export function spellHex(bytes: Uint8Array): string {
  let hex = ""
  for (const byte of bytes) hex += hexOfByte[byte] as string
  return hex
}

/** The bytes of hexadecimal, which the caller has looked at. */
export function readHex(hex: string): Uint8Array {
  const bytes = new Uint8Array(hex.length / 2)
  for (let at = 0; at < bytes.length; at++)
    bytes[at] = Number.parseInt(hex.slice(at * 2, at * 2 + 2), 16)
  return bytes
}

/** Bytes as base64 with padding. */
export function spellBase64(bytes: Uint8Array): string {
  return ascii.decode(encode(standard, bytes).fill(pad, encodedSize(bytes)))
}

/** Bytes as base64url without padding. */
export function spellBase64url(bytes: Uint8Array): string {
  return ascii.decode(encode(url, bytes).subarray(0, encodedSize(bytes)))
}

function codesOf(symbols: string): Uint8Array {
  return Uint8Array.from(symbols, (symbol) => symbol.charCodeAt(0))
}

function encodedSize(bytes: Uint8Array): number {
  return Math.ceil((bytes.length * 4) / 3)
}

/** Whole groups of four symbols; those beyond {@link encodedSize} mean nothing. */
function encode(codes: Uint8Array, bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(Math.ceil(bytes.length / 3) * 4)
  for (let from = 0, at = 0; from < bytes.length; from += 3) {
    const [first, second = 0, third = 0] = [bytes[from] as number, bytes[from + 1], bytes[from + 2]]
    const bits = (first << 16) | (second << 8) | third
    out[at++] = codes[bits >> 18] as number
    out[at++] = codes[(bits >> 12) & 63] as number
    out[at++] = codes[(bits >> 6) & 63] as number
    out[at++] = codes[bits & 63] as number
  }
  return out
}
