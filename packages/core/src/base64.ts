import { spellBase64, spellBase64url } from "#spelling"
import { malformed } from "./errors.ts"

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
const standard = valuesOf(`${letters}+/`)
const url = valuesOf(`${letters}-_`)

/** Base64 with padding (RFC 4648 section 4). */
export function toBase64(bytes: Uint8Array): string {
  return spellBase64(bytes)
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
  return spellBase64url(bytes)
}

/**
 * The bytes of base64url without padding; as strict as {@link fromBase64}.
 *
 * @throws {@link AmcError} `input/malformed`
 */
export function fromBase64url(text: string): Uint8Array {
  return decode(url, text)
}

function valuesOf(symbols: string): Int8Array {
  const values = new Int8Array(128).fill(-1)
  for (let value = 0; value < symbols.length; value++) values[symbols.charCodeAt(value)] = value
  return values
}

function decode(values: Int8Array, text: string): Uint8Array {
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
