const slots = 1024
const longest = 24

/** Texts that were read lately. The names of an API's members come again and again. */
const texts: string[] = Array.from({ length: slots }, () => "")

/**
 * The UTF-8 text of some bytes. One that is short and ASCII is only made when it was not read lately, since
 * making it takes far longer than comparing it.
 */
export function textOf(bytes: Buffer, from: number, end: number): string {
  const size = end - from
  if (size === 0) return ""
  if (size > longest) return bytes.toString("utf8", from, end)
  const slot = slotOf(bytes, from, size)
  const known = texts[slot] as string
  if (isTextOf(known, bytes, from, size)) return known
  return (texts[slot] = bytes.toString("utf8", from, end))
}

function slotOf(bytes: Buffer, from: number, size: number): number {
  const first = bytes[from] as number
  const middle = bytes[from + (size >> 1)] as number
  const last = bytes[from + size - 1] as number
  return (first * 31 + middle * 7 + last * 131 + size * 61) & (slots - 1)
}

/** A text with a character beyond ASCII is never equal here. */
function isTextOf(text: string, bytes: Buffer, from: number, size: number): boolean {
  if (text.length !== size) return false
  for (let at = 0; at < size; at++) {
    const byte = bytes[from + at] as number
    if (byte > 0x7f || text.charCodeAt(at) !== byte) return false
  }
  return true
}
