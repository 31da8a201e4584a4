import { malformed } from "./errors.ts"

interface Alphabet {
  readonly codes: Uint8Array
  readonly values: Int8Array
}

const PAD = 0x3d
const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
const standard = alphabet(`${letters}+/`)
const url = alphabet(`${letters}-_`)
const ascii = new TextDecoder()

/** Base64 with padding (RFC 4648 section 4). */
export function toBase64(bytes: Uint8Array): string {
  return ascii.decode(encode(standard, bytes).fill(PAD, encodedSize(bytes)))
}

/**
 * The bytes of padded base64. Each value has one spelling: no white space, no missing or surplus
 * padding, unused bits zero.
 *
 * @throws {@link AmcError} `input/malformed`
 */
export function fromBase64(text: string): Uint8Array {
  if (text.length % 4 !== 0) throw notBase64()
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0
  return decode(standard, text.slice(0, text.length - padding))
}

/** Base64url without padding (RFC 4648 section 5). */
export function toBase64url(bytes: Uint8Array): string {
  return ascii.decode(encode(url, bytes).subarray(0, encodedSize(bytes)))
}

/**
 * The bytes of base64url without padding; as strict as {@link fromBase64}.
 *
 * @throws {@link AmcError} `input/malformed`
 */
export function fromBase64url(text: string): Uint8Array {
  return decode(url, text)
}

function alphabet(symbols: string): Alphabet {
  const codes = Uint8Array.from(symbols, (symbol) => symbol.charCodeAt(0))
  const values = new Int8Array(128).fill(-1)
  codes.forEach((code, value) => (values[code] = value))
  return { codes, values }
}

function encodedSize(bytes: Uint8Array): number {
  return Math.ceil((bytes.length * 4) / 3)
}

/** Whole groups of four symbols; those beyond {@link encodedSize} mean nothing. */
function encode({ codes }: Alphabet, bytes: Uint8Array): Uint8Array {
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

function decode({ values }: Alphabet, text: string): Uint8Array {
  if (text.length % 4 === 1) throw notBase64()
  const out = new Uint8Array(Math.floor((text.length * 3) / 4))
  let [at, bits, pending] = [0, 0, 0]
  for (let i = 0; i < text.length; i++) {
    const value = values[text.charCodeAt(i)] ?? -1
    if (value < 0) throw notBase64()
    pending = ((pending & 0x3f) << 6) | value
    bits += 6
    if (bits >= 8) out[at++] = pending >> (bits -= 8)
  }
  if ((pending & ((1 << bits) - 1)) !== 0)
    throw malformed("base64 has unused bits that are not zero")
  return out
}

function notBase64(): Error {
  return malformed("text is not base64")
}
