import { writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import {
  canonicalize,
  concatBytes,
  encodeEnvelope,
  fromHex,
  issueKeyCertificate,
  issueRevocationList,
  issueRoot,
  type JsonObject,
  keyCertificatePayloadType,
  type KeyRole,
  type KeyTerms,
  parseCanonical,
  parseEnvelope,
  parseRoot,
  revocationListPayloadType,
  rootFingerprint,
  rootPayloadType,
  type Signer,
  signEnvelope,
  text,
  utf8,
} from "@amc/core"
import { privateKeySigner } from "./private-key.ts"

/** Where the vectors of roots, key certificates and revocation lists lie. */
export const rootVectorsPath: string = fileURLToPath(
  new URL("../../../spec/vectors/root.json", import.meta.url),
)

const names = [
  "root",
  "monitor",
  "ledger",
  "auditor",
  "other",
  "root2",
  "root3",
  "release",
] as const
type Name = (typeof names)[number]

const seeds = Object.fromEntries(
  names.map((name, at) => [name, `0${at + 1}`.repeat(32)]),
) as Record<Name, string>

/** RFC 8410: a private key as PKCS#8 is these bytes and the seed. */
function signerOf(name: Name): Signer {
  return privateKeySigner(
    concatBytes(fromHex("302e020100300506032b657004220420"), fromHex(seeds[name])),
  )
}

const s = Object.fromEntries(names.map((name) => [name, signerOf(name)])) as Record<Name, Signer>
const workspace = "acme"
const start = 1_767_225_600_000
const year = 365 * 86_400_000

const first = { workspace, version: 1, threshold: 1, createdMs: start, expiresMs: start + 2 * year }
const second = { ...first, version: 2, threshold: 2, createdMs: start + 1000 }
const third = { ...first, version: 3, threshold: 1, createdMs: start + 2000 }
const root1 = issueRoot(first, [s.root])
const root2 = issueRoot(second, [s.root2, s.root3], [s.root])
const root3 = issueRoot(third, [s.other], [s.root2, s.root3])

interface Refused {
  readonly why: string
  readonly bytes: string
  readonly code: string
}

const malformed = "input/malformed"

/** The envelope with another body, signed anew by these. */
function resigned(
  bytes: Uint8Array,
  change: (body: JsonObject) => JsonObject,
  by: readonly Signer[] = [s.root],
  type = parseEnvelope(bytes).payloadType,
): string {
  const body = parseCanonical(parseEnvelope(bytes).payload) as JsonObject
  return text(encodeEnvelope(signEnvelope(type, canonicalize(change(body)), by)))
}

/** The envelope with another body under the old signatures. */
function changed(bytes: Uint8Array, change: (body: JsonObject) => JsonObject): string {
  const envelope = parseEnvelope(bytes)
  const payload = canonicalize(change(parseCanonical(envelope.payload) as JsonObject))
  return text(encodeEnvelope({ ...envelope, payload }))
}

const without = (body: JsonObject, name: string): JsonObject =>
  Object.fromEntries(Object.entries(body).filter(([each]) => each !== name))
const same = (body: JsonObject): JsonObject => body
const lowOrder = { kid: s.root.key.kid, pub: "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" }
const keysOf = (body: JsonObject): JsonObject[] => body["keys"] as JsonObject[]

const refusedRoots: readonly Refused[] = [
  { why: "signed by another key", bytes: resigned(root1, same, [s.other]), code: malformed },
  {
    why: "another payload type",
    bytes: resigned(root1, same, [s.root], "application/json"),
    code: malformed,
  },
  {
    why: "a threshold above its keys",
    bytes: resigned(root1, (body) => ({ ...body, threshold: 2 })),
    code: malformed,
  },
  {
    why: "the same key twice under a threshold of two (S13)",
    bytes: resigned(root1, (body) => ({
      ...body,
      threshold: 2,
      keys: [...keysOf(body), ...keysOf(body)],
    })),
    code: malformed,
  },
  {
    why: "fewer signatures than its threshold",
    bytes: resigned(root2, same, [s.root2, s.root]),
    code: malformed,
  },
  {
    why: "a key id that is not the key's",
    bytes: resigned(root1, (body) => ({
      ...body,
      keys: keysOf(body).map((key) => ({ ...key, kid: "00".repeat(32) })),
    })),
    code: malformed,
  },
  {
    why: "a key of low order (S04)",
    bytes: resigned(root1, (body) => ({ ...body, keys: [lowOrder] })),
    code: "key/refused",
  },
  {
    why: "version 0",
    bytes: resigned(root1, (body) => ({ ...body, version: 0 })),
    code: malformed,
  },
  {
    why: "an unknown member",
    bytes: resigned(root1, (body) => ({ ...body, note: "" })),
    code: malformed,
  },
  {
    why: "no expiry",
    bytes: resigned(root1, (body) => without(body, "expires_ms")),
    code: malformed,
  },
  {
    why: "a payload changed after signing",
    bytes: changed(root1, (body) => ({ ...body, created_ms: 0 })),
    code: malformed,
  },
  { why: "a space", bytes: text(root1).replace(",", ", "), code: malformed },
]

const chains = {
  accepted: [
    { why: "version 1 alone", roots: [root1] },
    { why: "a new threshold of new keys", roots: [root1, root2] },
    { why: "a third version", roots: [root1, root2, root3] },
  ],
  refused: [
    { why: "a version is left out (S10)", roots: [root1, root3], code: "root/broken-chain" },
    { why: "a version comes twice", roots: [root1, root2, root2], code: "root/broken-chain" },
    {
      why: "the new keys alone signed the change (S11)",
      roots: [root1, issueRoot(second, [s.root2, s.root3])],
      code: "root/broken-chain",
    },
    {
      why: "one of two owners signed the change",
      roots: [root1, root2, issueRoot(third, [s.other], [s.root2])],
      code: "root/broken-chain",
    },
    {
      why: "the next version is of another workspace",
      roots: [root1, issueRoot({ ...second, workspace: "evil" }, [s.root2, s.root3], [s.root])],
      code: "root/broken-chain",
    },
    { why: "it begins with version 2", roots: [root2], code: "root/unknown" },
    {
      why: "its version 1 is not the pinned one (S14)",
      roots: [issueRoot(first, [s.other])],
      code: "root/unknown",
    },
    { why: "there is nothing", roots: [], code: malformed },
  ],
}

const windows = {
  valid_from_index: 0,
  valid_to_index: null,
  valid_from_ms: start,
  valid_to_ms: null,
}
const termsOf = (role: KeyRole): KeyTerms => ({
  workspace,
  role,
  lanes: role === "monitor" ? ["lane-1"] : [],
  ...windows,
})
const certificate = (role: KeyRole, by: readonly Signer[] = [s.root]): Uint8Array =>
  issueKeyCertificate(s[role].key, termsOf(role), by)
const monitor = certificate("monitor")

const refusedCertificates: readonly Refused[] = [
  {
    why: "signed by a key that is not the root's",
    bytes: text(certificate("monitor", [s.other])),
    code: malformed,
  },
  {
    why: "signed by the key itself",
    bytes: text(certificate("monitor", [s.monitor])),
    code: malformed,
  },
  {
    why: "the root's payload type (S02)",
    bytes: resigned(monitor, same, [s.root], rootPayloadType),
    code: malformed,
  },
  {
    why: "the key id of the root on a stranger's signature (S03)",
    bytes: text(certificate("monitor", [s.other])).replace(s.other.key.kid, s.root.key.kid),
    code: malformed,
  },
  {
    why: "another workspace",
    bytes: resigned(monitor, (body) => ({ ...body, workspace: "evil" })),
    code: malformed,
  },
  {
    why: "the role root",
    bytes: resigned(monitor, (body) => ({ ...body, role: "root" })),
    code: malformed,
  },
  {
    why: "a key id that is not the key's",
    bytes: resigned(monitor, (body) => ({ ...body, kid: "00".repeat(32) })),
    code: malformed,
  },
  {
    why: "a key of low order (S04)",
    bytes: resigned(monitor, (body) => ({ ...body, pub: lowOrder.pub })),
    code: "key/refused",
  },
  {
    why: "a missing window end",
    bytes: resigned(monitor, (body) => without(body, "valid_to_ms")),
    code: malformed,
  },
  {
    why: "lanes changed after signing",
    bytes: changed(monitor, (body) => ({ ...body, lanes: ["lane-2"] })),
    code: malformed,
  },
]

const listTerms = {
  workspace,
  version: 2,
  createdMs: start + 1000,
  expiresMs: start + year,
  revoked: [
    { kid: s.monitor.key.kid, reason: "superseded", from_index: 40, from_ms: start + 900 },
    { kid: s.auditor.key.kid, reason: "compromised", from_index: null, from_ms: start + 500 },
  ],
} as const
const list = issueRevocationList(listTerms, [s.root])

const refusedLists: readonly Refused[] = [
  {
    why: "signed by a key that is not the root's",
    bytes: resigned(list, same, [s.other]),
    code: malformed,
  },
  {
    why: "a key certificate's payload type (S02)",
    bytes: resigned(list, same, [s.root], keyCertificatePayloadType),
    code: malformed,
  },
  {
    why: "another workspace",
    bytes: resigned(list, (body) => ({ ...body, workspace: "evil" })),
    code: malformed,
  },
  {
    why: "a key twice",
    bytes: resigned(list, (body) => {
      const [entry] = body["revoked"] as JsonObject[]
      return { ...body, revoked: [entry ?? {}, entry ?? {}] }
    }),
    code: malformed,
  },
  {
    why: "keys out of order",
    bytes: resigned(list, (body) => ({
      ...body,
      revoked: (body["revoked"] as JsonObject[]).toReversed(),
    })),
    code: malformed,
  },
  {
    why: "an unknown reason",
    bytes: resigned(list, (body) => ({
      ...body,
      revoked: (body["revoked"] as JsonObject[]).map((one) => ({ ...one, reason: "bored" })),
    })),
    code: malformed,
  },
  {
    why: "an entry taken out after signing",
    bytes: changed(list, (body) => ({ ...body, revoked: [] })),
    code: malformed,
  },
]

const texts = (roots: readonly Uint8Array[]): string[] => roots.map(text)

/** The text of the vectors, always the same. */
export function rootVectors(): string {
  const vectors = {
    seeds,
    root: {
      terms: {
        workspace,
        version: 1,
        threshold: 1,
        created_ms: start,
        expires_ms: first.expiresMs,
      },
      bytes: text(root1),
      fingerprint: rootFingerprint(parseRoot(root1)),
    },
    refused_roots: refusedRoots,
    chains: {
      pinned: rootFingerprint(parseRoot(root1)),
      accepted: chains.accepted.map(({ why, roots }) => ({ why, roots: texts(roots) })),
      refused: chains.refused.map(({ why, roots, code }) => ({ why, roots: texts(roots), code })),
    },
    certificates: (["monitor", "ledger", "auditor", "release"] as const).map((role) => ({
      seed: role,
      terms: termsOf(role),
      bytes: text(certificate(role)),
    })),
    refused_certificates: refusedCertificates,
    revocation_list: {
      terms: {
        workspace,
        version: 2,
        created_ms: listTerms.createdMs,
        expires_ms: listTerms.expiresMs,
        revoked: listTerms.revoked,
      },
      payload_type: revocationListPayloadType,
      bytes: text(list),
    },
    refused_revocation_lists: refusedLists,
  }
  return `${JSON.stringify(vectors, null, 2)}\n`
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  writeFileSync(rootVectorsPath, utf8(rootVectors()))
