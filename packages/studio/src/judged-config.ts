import { isFault, type Keyring, openSignedFile, sha256Hex, type SignedFileTerms } from "@amc/core"
import type { ConfigPlace } from "./config-place.ts"
import { isSignedBy, readSignature } from "./config-signature.ts"

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
