/** Bytes as lower-case hexadecimal. */
export function spellHex(bytes: Uint8Array): string {
  return view(bytes).toString("hex")
}

/** The bytes of hexadecimal, which the caller has looked at. */
export function readHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, "hex"))
}

/** Bytes as base64 with padding. */
export function spellBase64(bytes: Uint8Array): string {
  return view(bytes).toString("base64")
}

/** Bytes as base64url without padding. */
export function spellBase64url(bytes: Uint8Array): string {
  return view(bytes).toString("base64url")
}

function view({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}
