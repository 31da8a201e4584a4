import { existsSync } from "node:fs"
import { join } from "node:path"
import { parseYaml, sha256Hex, type SignedFileTerms } from "@amc/core"
import type { Notary } from "@amc/vault"
import type { z } from "zod"
import { type ConfigPlace, readConfigBytes } from "./config-place.ts"
import { writeSteps } from "./config-signature.ts"
import { judgeConfig, type JudgedConfig } from "./judged-config.ts"
import { replaceFile } from "./replaced-file.ts"
import { signedCopyPath } from "./signed-copies.ts"

/** A config file as it was read: the bytes that were verified are the bytes that were parsed. */
export interface LoadedConfig<T> extends JudgedConfig {
  readonly value: T
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
  const bytes = readConfigBytes(place, path)
  const value = parseYaml(bytes, schema, path)
  return { ...judgeConfig(place, path, bytes, now), value }
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
  const before = existsSync(join(place.dir, path)) ? readConfigBytes(place, path) : null
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
