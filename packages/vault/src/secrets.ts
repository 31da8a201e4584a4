import { concatBytes, malformed, text, utf8 } from "@amc/core"

/** Secrets by name (`key/monitor`, `provider/openai`). Whoever holds them wipes them. */
export type Secrets = ReadonlyMap<string, Uint8Array>

const MAX_SECRET = 16_384
const secretName = /^[a-z0-9][a-z0-9._-]*(?:\/[a-z0-9][a-z0-9._-]*)*$/u

/**
 * The bytes of a map of secrets (spec/vault.md, rule 9): per entry `u8 name length, name, u32be size,
 * secret`, in order of names. Binary, so that no secret ever becomes a string, which can't be wiped.
 *
 * @throws {@link AmcError} `input/malformed`
 */
export function encodeSecrets(secrets: Secrets): Uint8Array {
  const names = [...secrets.keys()].sort()
  return concatBytes(...names.map((name) => encodeEntry(name, secrets.get(name) ?? empty)))
}

/**
 * Reads exactly what {@link encodeSecrets} writes. The secrets are copies: wipe `bytes` too.
 *
 * @throws {@link AmcError} `input/malformed`
 */
export function parseSecrets(bytes: Uint8Array): Map<string, Uint8Array> {
  const secrets = new Map<string, Uint8Array>()
  let [at, last] = [0, ""]
  while (at < bytes.length) {
    const entry = parseEntry(bytes, at)
    if (entry.name <= last) throw malformed("secrets are not in order of distinct names")
    secrets.set(entry.name, entry.secret)
    ;[at, last] = [entry.end, entry.name]
  }
  return secrets
}

/** Overwrites every secret with zeros. Copies that the runtime made are out of reach. */
export function wipeSecrets(secrets: Secrets): void {
  for (const secret of secrets.values()) secret.fill(0)
}

const empty = new Uint8Array()

function encodeEntry(name: string, secret: Uint8Array): Uint8Array {
  checkEntry(name, secret.length)
  const size = new Uint8Array(4)
  new DataView(size.buffer).setUint32(0, secret.length)
  return concatBytes(Uint8Array.of(name.length), utf8(name), size, secret)
}

function parseEntry(
  bytes: Uint8Array,
  at: number,
): { name: string; secret: Uint8Array; end: number } {
  const sizeAt = at + 1 + (bytes[at] ?? 0)
  const start = sizeAt + 4
  if (start > bytes.length) throw malformed("secrets end inside an entry")
  const name = text(bytes.subarray(at + 1, sizeAt))
  const size = new DataView(bytes.buffer, bytes.byteOffset).getUint32(sizeAt)
  checkEntry(name, size)
  if (start + size > bytes.length) throw malformed("secrets end inside an entry")
  return { name, secret: Uint8Array.from(bytes.subarray(start, start + size)), end: start + size }
}

function checkEntry(name: string, size: number): void {
  if (name.length > 128 || !secretName.test(name)) throw malformed("secret has an unusable name")
  if (size === 0 || size > MAX_SECRET) throw malformed(`secret is not 1 to ${MAX_SECRET} bytes`)
}
