import { leasePrefix, type SecretScanner } from "@amc/gateway"

const prefix = Buffer.from(leasePrefix)
/** A token is the prefix and 43 characters of base64url; a longer run of them is masked whole. */
const tokenMax = 128
const star = 0x2a

/** Masks leases in bytes that come in pieces, wherever the pieces are cut. Sizes stay as they are. */
export class LeaseMask {
  #carry: Buffer = Buffer.alloc(0)
  #found = 0

  /** How many were masked. */
  get found(): number {
    return this.#found
  }

  /** Takes the next piece, and gives what is certain by now. */
  push(piece: Uint8Array): Uint8Array {
    const whole = this.#masked(Buffer.concat([this.#carry, piece]), false)
    const certain = Math.max(0, whole.length - tokenMax)
    this.#carry = whole.subarray(certain)
    return whole.subarray(0, certain)
  }

  end(): Uint8Array {
    const rest = this.#masked(this.#carry, true)
    this.#carry = Buffer.alloc(0)
    return rest
  }

  #masked(bytes: Buffer, isEnd: boolean): Buffer {
    for (let at = bytes.indexOf(prefix); at >= 0; at = bytes.indexOf(prefix, at + 1)) {
      const from = at + prefix.length
      let to = from
      while (to < bytes.length && to - from < tokenMax && isTokenByte(bytes[to] as number)) to++
      // One that goes on in the next piece is still whole in the carry, and found again.
      if (!isEnd && to === bytes.length && bytes.length - at <= tokenMax) continue
      if (to > from) this.#found++
      bytes.fill(star, from, to)
    }
    return bytes
  }
}

/** Bytes with secrets and leases masked, as they may be stored. */
export function masked(bytes: Uint8Array, secrets: SecretScanner): Uint8Array {
  const mask = new LeaseMask()
  return new Uint8Array(secrets.redact(Buffer.concat([mask.push(bytes), mask.end()])))
}

/** The same of a text, which stays as long. */
export function maskedText(text: string, secrets: SecretScanner): string {
  return Buffer.from(masked(Buffer.from(text), secrets)).toString("utf8")
}

function isTokenByte(byte: number): boolean {
  const isDigit = byte >= 0x30 && byte <= 0x39
  const isLetter = (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a
  return isDigit || isLetter || byte === 0x2d || byte === 0x5f
}
