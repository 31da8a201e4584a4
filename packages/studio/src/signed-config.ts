import { existsSync, readFileSync, rmSync, type Stats, statSync } from "node:fs"
import { join } from "node:path"
import {
  AmcError,
  isFault,
  type Keyring,
  openSignedFile,
  parseYaml,
  type PublicKey,
  sha256Hex,
  type SignedFileTerms,
} from "@amc/core"
import type { Notary } from "@amc/vault"
import type { z } from "zod"
import { moveFile, replaceFile } from "./replaced-file.ts"
import { signedCopyPath } from "./signed-copies.ts"

const configSizeMax = 1 << 20

/** Why a config file does not count as the owner's word; absent when it does. */
export interface ConfigFlaw {
  readonly code: "CONFIG_UNSIGNED" | "CONFIG_SIGNATURE_INVALID"
  readonly detail: string
}

/** A config file with what its signature is worth. */
export interface JudgedConfig {
  readonly path: string
  readonly bytes: Uint8Array
  readonly sha256: string
  /** The bytes of its `.sig` file. */
  readonly signature: Uint8Array | null
  readonly version: number
  readonly flaw: ConfigFlaw | null
  /** How the key ended that signed it; one that was replaced counts for what the ledger names, a stolen one for nothing. */
  readonly endOfKey: "replaced" | "stolen" | null
}

/** A config file as it was read: the bytes that were verified are the bytes that were parsed. */
export interface LoadedConfig<T> extends JudgedConfig {
  readonly value: T
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
  return { ...judgeConfig(place, path, bytes, now), value }
}

/** Judges the signature beside these bytes of a config file, whatever the bytes say. */
export function judgeConfig(
  place: ConfigPlace,
  path: string,
  bytes: Uint8Array,
  now: number,
): JudgedConfig {
  const file = { path, bytes, sha256: sha256Hex(bytes) }
  try {
    const signature = readSignature(place, path, bytes)
    return { ...file, signature, ...judgeSignature(place, file, signature, now) }
  } catch (error) {
    if (!isFault(error)) throw error
    const flaw = invalid(`${path}: its signature can't be read`)
    return { ...file, signature: null, version: 0, flaw, endOfKey: null }
  }
}

/** The bytes of a config file. @throws {@link AmcError} `workspace/missing`, `input/too-large` */
export function readConfigBytes({ dir }: ConfigPlace, path: string): Uint8Array {
  return readBounded(join(dir, path))
}

/** What the signature beside a config file is worth. */
function judgeSignature(
  place: ConfigPlace,
  { path, bytes }: { path: string; bytes: Uint8Array },
  signature: Uint8Array | null,
  now: number,
): Pick<JudgedConfig, "version" | "flaw" | "endOfKey"> {
  const nothing = { version: 0, endOfKey: null }
  if (signature === null)
    return { ...nothing, flaw: { code: "CONFIG_UNSIGNED", detail: `${path} has no signature` } }
  try {
    const terms = openSignedFile(bytes, signature, place.keyring.keys("auditor"))
    const mismatch = mismatchOf(terms, place, path, now)
    return {
      version: terms.version,
      flaw: mismatch === null ? null : invalid(`${path}: ${mismatch}`),
      endOfKey: endOfKey(place.keyring, bytes, signature, now),
    }
  } catch (error) {
    if (!isFault(error)) throw error
    return { ...nothing, flaw: invalid(`${path}: ${error.message}`) }
  }
}

/** What a config file is to say. */
export interface ConfigSettings<T> {
  readonly path: string
  readonly value: T
  readonly schema: z.ZodType<T>
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
  const found = before === null ? 0 : judgeConfig(place, path, before, 0).version
  const written = await signConfigBytes(place, path, bytes, notary, {
    version: Math.max(found, lastVersion) + 1,
    previous_sha256: before === null ? null : sha256Hex(before),
    expires_ms: null,
  })
  return { ...written, value }
}

/**
 * Signs these bytes as a version of a config file, and puts them and the signature in its place. The
 * caller has looked at what they say.
 *
 * @throws {@link AmcError} `workspace/unwritable`, `vault/locked`
 */
export async function signConfigBytes(
  place: ConfigPlace,
  path: string,
  bytes: Uint8Array,
  notary: Notary,
  terms: Pick<SignedFileTerms, "version" | "previous_sha256" | "expires_ms">,
): Promise<JudgedConfig> {
  const { workspace } = place
  const signature = await notary.signFile(bytes, { ...terms, path, workspace, role: "auditor" })
  const sha256 = sha256Hex(bytes)
  replaceFile(signedCopyPath(place.dir, sha256), bytes)
  for (const step of writeSteps(place.dir, path, bytes, signature)) step()
  return { path, bytes, sha256, signature, version: terms.version, flaw: null, endOfKey: null }
}

/**
 * The steps in which a signed file takes the place of an older one. After each of them the file that is
 * there has a signature that fits, `.sig` or `.sig.next`, so that a crash in between looks like no forgery.
 *
 * @throws {@link AmcError} `workspace/unwritable` from each step
 */
export function writeSteps(
  dir: string,
  path: string,
  bytes: Uint8Array,
  signature: Uint8Array,
): readonly (() => void)[] {
  const file = join(dir, path)
  return [
    () => replaceFile(`${file}.sig.next`, signature),
    () => replaceFile(file, bytes),
    () => moveFile(`${file}.sig.next`, `${file}.sig`),
  ]
}

/** Whether a crash left the next signature of a file beside it. */
export function hasNextSignature({ dir }: ConfigPlace, path: string): boolean {
  return existsSync(join(dir, `${path}.sig.next`))
}

/** Finishes what a crash left of {@link writeSteps}. Only the lane's writer may do that. */
export function completeWrite(place: ConfigPlace, path: string): void {
  const file = join(place.dir, path)
  const next = `${file}.sig.next`
  if (!existsSync(next)) return
  const bytes = existsSync(file) ? readBounded(file) : null
  const isWritten = bytes !== null && !fits(place, bytes, `${file}.sig`) && fits(place, bytes, next)
  if (isWritten) moveFile(next, `${file}.sig`)
  else rmSync(next, { force: true })
}

/**
 * The signature that goes with a config file's bytes, or null if there is none. Whether it is worth
 * anything is another question; it is `.sig.next` only where that one fits and `.sig` does not.
 */
export function readSignature(
  place: ConfigPlace,
  path: string,
  bytes: Uint8Array,
): Uint8Array | null {
  const [last, next] = [".sig", ".sig.next"].map((end) => join(place.dir, `${path}${end}`)) as [
    string,
    string,
  ]
  if (!fits(place, bytes, last) && fits(place, bytes, next)) return readBounded(next)
  return existsSync(last) ? readBounded(last) : null
}

function fits({ keyring }: ConfigPlace, bytes: Uint8Array, file: string): boolean {
  if (!existsSync(file)) return false
  try {
    return isSignedBy(bytes, readBounded(file), keyring.keys("auditor"))
  } catch (error) {
    if (isFault(error)) return false
    throw error
  }
}

function endOfKey(
  keyring: Keyring,
  bytes: Uint8Array,
  signature: Uint8Array,
  now: number,
): JudgedConfig["endOfKey"] {
  if (isSignedBy(bytes, signature, keyring.keysNow("auditor", now))) return null
  const { revoked } = keyring.revocations
  const unstolen = [...keyring.keys("auditor")].filter(
    ([kid]) => revoked.get(kid)?.reason !== "compromised",
  )
  return isSignedBy(bytes, signature, new Map(unstolen)) ? "replaced" : "stolen"
}

function isSignedBy(
  bytes: Uint8Array,
  signature: Uint8Array,
  keys: ReadonlyMap<string, PublicKey>,
): boolean {
  try {
    openSignedFile(bytes, signature, keys)
    return true
  } catch (error) {
    if (isFault(error)) return false
    throw error
  }
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
    const { size } = regularFile(path)
    if (size > configSizeMax)
      throw new AmcError("input/too-large", `${path} is longer than ${configSizeMax} bytes`)
    return new Uint8Array(readFileSync(path))
  } catch (cause) {
    if (isFault(cause)) throw cause
    throw new AmcError("workspace/missing", `${path} can't be read`, { cause })
  }
}

/** To read a pipe would wait for its writer. */
function regularFile(path: string): Stats {
  const stats = statSync(path)
  if (stats.isFile()) return stats
  throw new AmcError("workspace/missing", `${path} is no file`)
}
