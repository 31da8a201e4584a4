import { randomBytes } from "node:crypto"
import { readSync } from "node:fs"
import { AmcError, utf8 } from "@amc/core"
import { createFile } from "./durable-file.ts"
import { readPrivateFile } from "./private-file.ts"

const MAX_PASSPHRASE = 1024
const [NEWLINE, RETURN] = [0x0a, 0x0d]
const letters = utf8("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")

/**
 * A new passphrase of 43 base64url letters, 258 random bits. The caller wipes it.
 */
export function generatePassphrase(): Uint8Array {
  const bytes = Uint8Array.from(randomBytes(43))
  return bytes.map((byte) => letters[byte & 63] ?? 0)
}

/**
 * Keeps a passphrase in a new file, 0600. It belongs outside every mount that an agent gets.
 *
 * @throws {@link AmcError} `workspace/exists`, `workspace/unwritable`
 */
export function writePassphraseFile(path: string, passphrase: Uint8Array): void {
  createFile(path, passphrase, { mode: 0o600, exists: "workspace/exists" })
}

/**
 * The passphrase in a file that must be ours alone, without its last line end. The caller wipes it.
 *
 * @throws {@link AmcError} `vault/locked` if there is no such file, `vault/unsafe-file`, `usage/invalid`
 * if it holds no passphrase, `input/too-large`
 */
export function readPassphraseFile(path: string): Uint8Array {
  const bytes = readPrivateFile(path, { maxSize: MAX_PASSPHRASE, missing: "vault/locked" })
  return withoutLineEnd(bytes)
}

/**
 * The passphrase from an open descriptor, read to its end. The caller closes it and wipes the passphrase.
 *
 * @throws {@link AmcError} `usage/invalid`, `input/too-large`
 */
export function readPassphraseDescriptor(descriptor: number): Uint8Array {
  const buffer = new Uint8Array(MAX_PASSPHRASE + 1)
  let size = 0
  for (let read = -1; read !== 0 && size < buffer.length; size += read)
    read = readSync(descriptor, buffer, size, buffer.length - size, null)
  const passphrase = buffer.slice(0, size)
  buffer.fill(0)
  if (size > MAX_PASSPHRASE)
    throw new AmcError("input/too-large", `passphrase is longer than ${MAX_PASSPHRASE} bytes`)
  return withoutLineEnd(passphrase)
}

function withoutLineEnd(bytes: Uint8Array): Uint8Array {
  let end = bytes.length
  if (bytes[end - 1] === NEWLINE) end -= 1
  if (end < bytes.length && bytes[end - 1] === RETURN) end -= 1
  const passphrase = bytes.slice(0, end)
  bytes.fill(0)
  if (end === 0) throw new AmcError("usage/invalid", "the passphrase is empty")
  return passphrase
}
