import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import {
  AmcError,
  isFault,
  type Keyring,
  openSignedFile,
  parseYaml,
  sha256Hex,
  type SignedFileTerms,
} from "@amc/core"
import type { Notary } from "@amc/vault"
import type { z } from "zod"

const configSizeMax = 1 << 20

/** Why a config file does not count as the owner's word; absent when it does. */
export interface ConfigFlaw {
  readonly code: "CONFIG_UNSIGNED" | "CONFIG_SIGNATURE_INVALID"
  readonly detail: string
}

/** A config file as it was read: the bytes that were verified are the bytes that were parsed. */
export interface LoadedConfig<T> {
  readonly path: string
  readonly value: T
  readonly bytes: Uint8Array
  readonly sha256: string
  readonly version: number
  readonly flaw: ConfigFlaw | null
}

/** Where config files lie and who may have signed them. */
export interface ConfigPlace {
  readonly dir: string
  readonly workspace: string
  readonly keyring: Keyring
}

/**
 * Reads a config file and its signature. A missing or wrong signature is told, not thrown: the gateway
 * runs on (G4), and the results are lowered by the audit that the caller records.
 *
 * @throws {@link AmcError} `workspace/missing` without the file, `input/malformed`
 */
export function loadConfig<T>(
  place: ConfigPlace,
  path: string,
  schema: z.ZodType<T>,
  now: number,
): LoadedConfig<T> {
  const bytes = readBounded(join(place.dir, path))
  const value = parseYaml(bytes, schema, path)
  const { version, flaw } = judgeSignature(place, path, bytes, now)
  return { path, value, bytes, sha256: sha256Hex(bytes), version, flaw }
}

/** What the signature beside a config file is worth. */
function judgeSignature(
  place: ConfigPlace,
  path: string,
  bytes: Uint8Array,
  now: number,
): { version: number; flaw: ConfigFlaw | null } {
  const file = join(place.dir, `${path}.sig`)
  if (!existsSync(file))
    return { version: 0, flaw: { code: "CONFIG_UNSIGNED", detail: `${path} has no signature` } }
  try {
    const terms = openSignedFile(bytes, readBounded(file), place.keyring.keys("auditor"))
    const mismatch = mismatchOf(terms, place, path, now)
    return {
      version: terms.version,
      flaw: mismatch === null ? null : invalid(`${path}: ${mismatch}`),
    }
  } catch (error) {
    if (!isFault(error)) throw error
    return { version: 0, flaw: invalid(`${path}: ${error.message}`) }
  }
}

/**
 * Writes a config file and the auditor's signature of it, as the next version after the one that is there
 * and after `lastVersion`, the last that the ledger names.
 *
 * @throws {@link AmcError} `workspace/unwritable`, `vault/locked`
 */
export async function writeConfig<T>(
  place: ConfigPlace,
  path: string,
  source: string,
  schema: z.ZodType<T>,
  notary: Notary,
  lastVersion = 0,
): Promise<LoadedConfig<T>> {
  const bytes = new TextEncoder().encode(source)
  const value = parseYaml(bytes, schema, path)
  const before = existsSync(join(place.dir, path)) ? readBounded(join(place.dir, path)) : null
  const found = before === null ? 0 : judgeSignature(place, path, before, 0).version
  const version = Math.max(found, lastVersion) + 1
  const terms: SignedFileTerms = {
    path,
    workspace: place.workspace,
    version,
    previous_sha256: before === null ? null : sha256Hex(before),
    expires_ms: null,
    role: "auditor",
  }
  const signature = await notary.signFile(bytes, terms)
  replace(join(place.dir, path), bytes)
  replace(join(place.dir, `${path}.sig`), signature)
  return { path, value, bytes, sha256: sha256Hex(bytes), version, flaw: null }
}

function mismatchOf(
  terms: SignedFileTerms,
  place: ConfigPlace,
  path: string,
  now: number,
): string | null {
  if (terms.path !== path) return "the signature is for another file"
  if (terms.workspace !== place.workspace) return "the signature is of another workspace"
  if (terms.expires_ms !== null && terms.expires_ms < now) return "the signature has expired"
  return null
}

function invalid(detail: string): ConfigFlaw {
  return { code: "CONFIG_SIGNATURE_INVALID", detail }
}

function readBounded(path: string): Uint8Array {
  try {
    const bytes = new Uint8Array(readFileSync(path))
    if (bytes.length > configSizeMax)
      throw new AmcError("input/too-large", `${path} is longer than ${configSizeMax} bytes`)
    return bytes
  } catch (cause) {
    if (isFault(cause)) throw cause
    throw new AmcError("workspace/missing", `${path} can't be read`, { cause })
  }
}

function replace(path: string, bytes: Uint8Array): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    writeFileSync(`${path}.tmp`, bytes, { mode: 0o600, flush: true })
    renameSync(`${path}.tmp`, path)
  } catch (cause) {
    throw new AmcError("workspace/unwritable", `${path} can't be written`, { cause })
  }
}
