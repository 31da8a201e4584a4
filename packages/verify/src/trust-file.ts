import {
  AmcError,
  fromBase64,
  isFault,
  keysMax,
  openRootChain,
  parseRoot,
  text,
  toBase64,
  toHex,
} from "@amc/core"
import { z } from "zod"
import type { VersionedTrust } from "./known-trust.ts"

const schema = z.strictObject({
  schema: z.literal("amc.trust/v1"),
  workspace: z.string().max(256),
  root_sha256: z.string().regex(/^[0-9a-f]{64}$/),
  roots: z.array(z.base64()).min(1).max(1024),
  revocations: z.base64(),
  /** Certificates, for what comes without any, such as a policy. Each counts by the root's signature alone. */
  keys: z.array(z.base64()).max(keysMax).optional(),
})

/** What an owner hands to verifiers beside the fingerprint: the root's versions, the newest revocations, and the keys. */
export interface TrustFile extends VersionedTrust {
  readonly rootSha256: string
  readonly keys: readonly Uint8Array[]
}

/** The text of a trust file. */
export function encodeTrustFile(workspace: string, trust: TrustFile): string {
  const { rootSha256: root_sha256, roots, revocations, keys } = trust
  const file: z.infer<typeof schema> = {
    schema: "amc.trust/v1",
    workspace,
    root_sha256,
    roots: roots.map(toBase64),
    revocations: toBase64(revocations),
    keys: keys.map(toBase64),
  }
  return `${JSON.stringify(file, null, 2)}\n`
}

/**
 * The trust of a file that somebody was given on a way that they trust: a trust file, or version 1 of a root
 * alone. Without a list of revocations it vouches for the root only.
 *
 * @throws {@link AmcError} `input/malformed`
 */
export function readTrustFile(bytes: Uint8Array): TrustFile | { readonly rootSha256: string } {
  try {
    return { rootSha256: toHex(parseRoot(bytes).sha256) }
  } catch (error) {
    if (!isFault(error)) throw error
  }
  try {
    const { root_sha256: rootSha256, ...file } = schema.parse(JSON.parse(text(bytes)))
    const roots = file.roots.map(fromBase64)
    openRootChain(roots, rootSha256)
    const keys = (file.keys ?? []).map(fromBase64)
    return { rootSha256, roots, revocations: fromBase64(file.revocations), keys }
  } catch (cause) {
    throw new AmcError("input/malformed", "this is neither a trust file nor a root", {
      cause,
      hint: "the owner makes one with 'amc keys export --format trust'",
    })
  }
}
