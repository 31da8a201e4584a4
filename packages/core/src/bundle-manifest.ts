import { z } from "zod"
import { canonicalize, parseCanonical } from "./canonical.ts"
import { encodeEnvelope, signEnvelope } from "./dsse.ts"
import type { Signer } from "./public-key.ts"
import { AmcError, malformed } from "./errors.ts"
import { agentId, count, hex32, label } from "./fact-field.ts"

/** The DSSE payload type of a bundle's manifest. */
export const bundleManifestPayloadType = "application/vnd.amc.bundle-manifest.v1+json"
/** A bundle lists at most this many files. */
export const bundleFilesMax = 4096
export const bundleManifestPath = "manifest.json"
export const bundleManifestSignaturePath = "manifest.dsse.json"
/** The list of a bundle's files for `sha256sum -c`, and its signature for `ssh-keygen -Y verify`. */
export const bundleSumsPath = "SHA256SUMS"
export const bundleSumsSignaturePath = "SHA256SUMS.sshsig"

/** The files that a manifest does not list, since they are made from it. */
export const unlistedBundleFiles: ReadonlySet<string> = new Set([
  bundleManifestPath,
  bundleManifestSignaturePath,
  bundleSumsPath,
  bundleSumsSignaturePath,
])

const sizeMax = 4 << 20

const schemaName = "amc.bundle/v1"
const path = z.string().max(200).refine(isBundlePath, "is not a plain relative path")

/** What a bundle may leave out, saying so: the digests of it stay in the evidence. */
export const bundleParts = ["payloads"] as const
export type BundlePart = (typeof bundleParts)[number]

const schema = z.strictObject({
  schema: z.literal(schemaName),
  workspace: label,
  origin: label,
  agent: agentId,
  run_id: label,
  withheld: z.array(z.enum(bundleParts)).max(bundleParts.length),
  files: z
    .array(z.strictObject({ path, size: count, sha256: hex32 }))
    .min(1)
    .max(bundleFilesMax),
})

/** What a bundle is about, and every file in it but the manifest and its signature (spec/bundle.md). */
export type BundleManifest = Omit<z.infer<typeof schema>, "schema">

/**
 * Whether a file of a bundle may have this name: one to eight segments of ASCII letters, digits, `.`,
 * `_` and `-` that start with a letter, a digit or `_`; at most 100 characters each and 200 in all.
 */
export function isBundlePath(name: string): boolean {
  return (
    name.length <= 200 &&
    /^[A-Za-z0-9_][\w.-]{0,99}(?:\/[A-Za-z0-9_][\w.-]{0,99}){0,7}$/u.test(name)
  )
}

/**
 * The manifest's canonical JSON.
 *
 * @throws {@link AmcError} `input/malformed`
 */
export function encodeBundleManifest(manifest: BundleManifest): Uint8Array {
  return canonicalize(readManifest({ schema: schemaName, ...manifest }))
}

/**
 * Reads a manifest in exactly the spelling of {@link encodeBundleManifest}. Says nothing about who
 * signed it or whether the files are as it says.
 *
 * @throws {@link AmcError} `input/malformed`, `input/too-large`, `input/unsupported-version`
 */
export function parseBundleManifest(bytes: Uint8Array): BundleManifest {
  if (bytes.length > sizeMax)
    throw new AmcError("input/too-large", `a manifest may have ${sizeMax} bytes`)
  const { schema: _, ...manifest } = readManifest(parseCanonical(bytes))
  return manifest
}

/** Signs a manifest's bytes; returns the bytes of `manifest.dsse.json`. */
export function signBundleManifest(manifest: Uint8Array, auditor: Signer): Uint8Array {
  return encodeEnvelope(signEnvelope(bundleManifestPayloadType, manifest, [auditor]))
}

function readManifest(value: unknown): z.infer<typeof schema> {
  const parsed = schema.safeParse(value)
  if (!parsed.success)
    throw isOfOtherVersion(value) ? otherVersion() : malformed("bundle manifest breaks its schema")
  if (new Set(parsed.data.withheld).size < parsed.data.withheld.length)
    throw malformed("bundle manifest says twice what is withheld")
  const paths = parsed.data.files.map((file) => file.path)
  if (paths.some((name, at) => at > 0 && name <= (paths[at - 1] as string)))
    throw malformed("bundle manifest does not list each file once, in order")
  if (paths.some((name) => unlistedBundleFiles.has(name)))
    throw malformed("bundle manifest lists itself, or what is made after it")
  return parsed.data
}

function isOfOtherVersion(value: unknown): boolean {
  if (typeof value !== "object" || value === null || !("schema" in value)) return false
  return (
    typeof value.schema === "string" &&
    value.schema !== schemaName &&
    /^amc\.bundle\/v[0-9]{1,4}$/u.test(value.schema)
  )
}

function otherVersion(): AmcError {
  return new AmcError(
    "input/unsupported-version",
    "the bundle's version is not known to this program",
  )
}
