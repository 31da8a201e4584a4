import { readHex, spellHex } from "#spelling"
import { malformed } from "./errors.ts"

const encoder = new TextEncoder()
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/**
 * The UTF-8 bytes of a text. A lone surrogate has no UTF-8 spelling and is refused, since replacing
 * it would give different texts the same bytes.
 *
 * @throws {@link AmcError} `input/malformed`
 */
export function utf8(text: string): Uint8Array {
  if (!text.isWellFormed()) throw malformed("text holds a lone surrogate")
  return encoder.encode(text)
}

/**
 * The text of UTF-8 bytes. A byte order mark is kept as U+FEFF, so `utf8(text(bytes))` is `bytes`.
 *
 * @throws {@link AmcError} `input/malformed`
 */
export function text(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch (cause) {
    throw malformed("bytes are not utf-8", cause)
  }
}

/** Lower-case hexadecimal. */
export function toHex(bytes: Uint8Array): string {
  return spellHex(bytes)
}

/**
 * The bytes of lower-case hexadecimal; upper case and odd lengths are refused.
 *
 * @throws {@link AmcError} `input/malformed`
 */
export function fromHex(hex: string): Uint8Array {
  if (hex.length % 2 !== 0 || !/^[0-9a-f]*$/u.test(hex))
    throw malformed("text is not lower-case hexadecimal")
  return readHex(hex)
}

/** All parts, one after the other, in a new array. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  let [size, at] = [0, 0]
  for (const part of parts) size += part.length
  const whole = new Uint8Array(size)
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** Whether two arrays hold the same bytes. Not constant time: for public values only. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false
  return true
}
