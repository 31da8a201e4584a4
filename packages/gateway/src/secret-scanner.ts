import { NeedleSearch } from "./needle-search.ts"

const shortest = 8
const star = 0x2a

/**
 * Finds known secrets in bytes: as they are, in base64 and base64url at any alignment, and in hex.
 *
 * A secret shorter than 8 bytes is not looked for, since it would be found in ordinary text. Other
 * disguises (compression, encryption, one letter per call) are not found: a count of zero is not a
 * proof that nothing leaked.
 */
export class SecretScanner {
  readonly #needles: readonly Buffer[]
  readonly #search: NeedleSearch
  /** The length of the longest form that is looked for. */
  readonly longest: number

  constructor(secrets: Iterable<Uint8Array>, base: SecretScanner | null = null) {
    const known = base === null ? [] : base.#needles
    const forms = new Set([...secrets].filter(({ length }) => length >= shortest).flatMap(formsOf))
    for (const needle of known) forms.delete(needle.toString("latin1"))
    this.#needles = [...known, ...Array.from(forms, (form) => Buffer.from(form, "latin1"))]
    this.#search = new NeedleSearch(this.#needles)
    this.longest = Math.max(0, ...this.#needles.map((needle) => needle.length))
  }

  /** A scanner that knows these secrets too. */
  with(...secrets: readonly Uint8Array[]): SecretScanner {
    return new SecretScanner(secrets, this)
  }

  /** How many times a secret occurs, in any form. */
  count(bytes: Uint8Array): number {
    return this.find(view(bytes), 0, () => undefined)
  }

  /** The bytes with a `*` for each byte of a secret, or the same array if there is none. */
  redact(bytes: Uint8Array): Uint8Array {
    const source = view(bytes)
    let redacted: Buffer | null = null
    this.find(source, 0, (from, to) => (redacted ??= Buffer.from(source)).fill(star, from, to))
    return redacted ?? bytes
  }

  /** The text with a `*` for each character of a secret. */
  redactText(text: string): string {
    // No character takes more than three bytes.
    if (text.length * 3 < this.#search.shortest) return text
    const bytes = Buffer.from(text, "utf8")
    const redacted = this.redact(bytes)
    return redacted === bytes ? text : view(redacted).toString("utf8")
  }

  /** Scans and redacts bytes that come in pieces. */
  stream(): SecretStream {
    return new SecretStream(this)
  }

  /** Calls `found` for each occurrence that ends behind `after`; gives their number. */
  find(bytes: Buffer, after: number, found: (from: number, to: number) => void): number {
    let count = 0
    this.#search.each(bytes, (from, to) => {
      if (to <= after) return
      count++
      found(from, to)
    })
    return count
  }
}

/** One pass over bytes in pieces: a secret that is cut by a border is still found. */
export class SecretStream {
  readonly #scanner: SecretScanner
  /** The end of what was pushed, as it came and redacted: a secret may go on in the next piece. */
  #carry: Buffer = Buffer.alloc(0)
  #redactedCarry: Buffer = Buffer.alloc(0)
  #found = 0

  constructor(scanner: SecretScanner) {
    this.#scanner = scanner
  }

  /** How many secrets were found so far. */
  get found(): number {
    return this.#found
  }

  /** Takes the next piece and gives the redacted bytes that are certain by now. */
  push(piece: Uint8Array): Uint8Array {
    const whole = Buffer.concat([this.#carry, piece])
    const redacted = Buffer.concat([this.#redactedCarry, piece])
    this.#found += this.#scanner.find(whole, this.#carry.length, (from, to) =>
      redacted.fill(star, from, to),
    )
    const certain = Math.max(0, whole.length - Math.max(0, this.#scanner.longest - 1))
    this.#carry = whole.subarray(certain)
    this.#redactedCarry = redacted.subarray(certain)
    return redacted.subarray(0, certain)
  }

  /** The redacted rest. */
  end(): Uint8Array {
    const rest = this.#redactedCarry
    this.#carry = this.#redactedCarry = Buffer.alloc(0)
    return rest
  }
}

function formsOf(secret: Uint8Array): string[] {
  const bytes = view(secret)
  const hex = bytes.toString("hex")
  const base64 = [0, 1, 2].map((offset) => base64Core(bytes, offset))
  return [
    bytes.toString("latin1"),
    hex,
    hex.toUpperCase(),
    ...base64,
    ...base64.map((text) => text.replaceAll("+", "-").replaceAll("/", "_")),
  ]
}

/** The base64 characters that the secret alone decides when `offset` bytes precede it. */
function base64Core(secret: Buffer, offset: number): string {
  const text = Buffer.concat([Buffer.alloc(offset), secret]).toString("base64")
  return text.slice(Math.ceil((offset * 4) / 3), Math.floor(((offset + secret.length) * 4) / 3))
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
