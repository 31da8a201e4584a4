import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import {
  concatBytes,
  fromBase64,
  fromHex,
  issueKeyCertificate,
  issueRoot,
  type KeyTerms,
  openKeyCertificate,
  openRevocationList,
  openRootChain,
  openSignedFile,
  parseRoot,
  rootFingerprint,
  sha256Hex,
  type Signer,
  type SignedFileTerms,
  signFile,
  text,
  utf8,
} from "@amc/core"
import { expect, test } from "vitest"
import { temporaryFolder } from "./folder.fixture.ts"
import { privateKeySigner } from "./private-key.ts"
import { rootVectors, rootVectorsPath } from "./root-vectors.fixture.ts"
import { vaultState } from "./stored-vault.ts"
import { openSlot } from "./vault.ts"
import type { SlotName } from "./vault-header.ts"

interface Refused {
  readonly why: string
  readonly bytes: string
  readonly code: string
}
interface VaultVectors {
  readonly passphrases: Record<SlotName, string>
  readonly vault: string
  readonly generation: number
  readonly sha256: string
  readonly secrets: Record<string, Record<string, string>>
  readonly wrong_passphrase: { slot: SlotName; passphrase: string; code: string }
  readonly refused: readonly { why: string; slot: SlotName; vault: string; code: string }[]
}
interface RootVectors {
  readonly seeds: Record<string, string>
  readonly root: {
    terms: {
      workspace: string
      version: number
      threshold: number
      created_ms: number
      expires_ms: number
    }
    bytes: string
    fingerprint: string
  }
  readonly certificates: readonly { seed: string; terms: KeyTerms; bytes: string }[]
  readonly refused_roots: readonly Refused[]
  readonly refused_certificates: readonly Refused[]
  readonly chains: {
    readonly pinned: string
    readonly accepted: readonly { why: string; roots: readonly string[] }[]
    readonly refused: readonly { why: string; roots: readonly string[]; code: string }[]
  }
  readonly revocation_list: { bytes: string }
  readonly refused_revocation_lists: readonly Refused[]
}
interface SignedFileVectors {
  readonly seeds: Record<string, string>
  readonly signed: readonly { file: string; terms: SignedFileTerms; signature: string }[]
  readonly refused: readonly { why: string; file: string; signature: string; code: string }[]
}

function load<T>(name: string): T {
  const url = new URL(`../../../spec/vectors/${name}`, import.meta.url)
  return JSON.parse(readFileSync(url, "utf8")) as T
}

const [vault, root, signed] = [
  load<VaultVectors>("vault.json"),
  load<RootVectors>("root.json"),
  load<SignedFileVectors>("signed-file.json"),
]

/** RFC 8410: a private key as PKCS#8 is these bytes and the seed. */
function signerOf(seed: string | undefined): Signer {
  const prefix = fromHex("302e020100300506032b657004220420")
  return privateKeySigner(concatBytes(prefix, fromHex(seed ?? "")))
}

function fileOf(base64: string): string {
  const path = join(temporaryFolder(), "vault.amcvault")
  writeFileSync(path, fromBase64(base64), { mode: 0o600 })
  return path
}

test("there are vectors, good and refused", () => {
  const counts = [vault.refused, root.refused_roots, root.refused_certificates, signed.refused]
  for (const { length } of counts) expect(length).toBeGreaterThan(5)
  expect(root.certificates.length + signed.signed.length).toBeGreaterThan(3)
})

test("the vault of the vectors opens with its passphrases", async () => {
  const path = fileOf(vault.vault)
  expect(vaultState(path)).toEqual({ generation: vault.generation, sha256: vault.sha256 })
  expect(sha256Hex(fromBase64(vault.vault))).toBe(vault.sha256)
  for (const [slot, secrets] of Object.entries(vault.secrets)) {
    const name = slot as SlotName
    const opened = await openSlot(path, name, utf8(vault.passphrases[name]))
    const expected = Object.entries(secrets).map(
      ([name, secret]) => [name, fromBase64(secret)] as const,
    )
    expect(opened).toEqual(new Map(expected))
  }
  const { slot, passphrase, code } = vault.wrong_passphrase
  await expect(openSlot(path, slot, utf8(passphrase))).rejects.toMatchObject({ code })
})

test.each(vault.refused)("a vault with $why is refused", async ({ slot, vault: bytes, code }) => {
  const opened = openSlot(fileOf(bytes), slot, utf8(vault.passphrases[slot]))
  await expect(opened).rejects.toMatchObject({ code })
})

test("the root and the certificates of the vectors are made again from their seeds", () => {
  const { terms, bytes, fingerprint } = root.root
  const { created_ms: createdMs, expires_ms: expiresMs, ...rest } = terms
  const owner = signerOf(root.seeds["root"])
  expect(text(issueRoot({ ...rest, createdMs, expiresMs }, [owner]))).toBe(bytes)
  const parsed = parseRoot(utf8(bytes))
  expect(rootFingerprint(parsed)).toBe(fingerprint)
  for (const { seed, terms, bytes } of root.certificates) {
    const { key } = signerOf(root.seeds[seed])
    expect(text(issueKeyCertificate(key, terms, [owner]))).toBe(bytes)
    const { role, lanes } = terms
    expect(openKeyCertificate(utf8(bytes), parsed)).toMatchObject({
      role,
      lanes,
      key: { kid: key.kid },
    })
  }
})

test.each(root.refused_roots)("a root with $why is refused", ({ bytes, code }) => {
  expect(() => parseRoot(utf8(bytes))).toThrow(expect.objectContaining({ code }))
})

test.each(root.refused_certificates)(
  "a key certificate with $why is refused",
  ({ bytes, code }) => {
    const pinned = parseRoot(utf8(root.root.bytes))
    expect(() => openKeyCertificate(utf8(bytes), pinned)).toThrow(expect.objectContaining({ code }))
  },
)

test("the vectors of roots are those that the script makes", () => {
  expect(readFileSync(rootVectorsPath, "utf8")).toBe(rootVectors())
})

const pinned = root.chains.pinned.replace("sha256:", "")

test.each(root.chains.accepted)("a chain of roots with $why is accepted", ({ roots }) => {
  const chain = openRootChain(roots.map(utf8), pinned)
  expect(chain.versions.map(({ version }) => version)).toEqual(roots.map((_, at) => at + 1))
  expect(chain.current).toBe(chain.versions.at(-1))
})

test.each(root.chains.refused)("a chain of roots is refused when $why", ({ roots, code }) => {
  expect(() => openRootChain(roots.map(utf8), pinned)).toThrow(expect.objectContaining({ code }))
})

test("a revocation list says which keys ended and how", () => {
  const list = openRevocationList(
    utf8(root.revocation_list.bytes),
    parseRoot(utf8(root.root.bytes)),
  )
  expect([...list.revoked.values()].map(({ reason }) => reason).sort()).toEqual([
    "compromised",
    "superseded",
  ])
})

test.each(root.refused_revocation_lists)("a revocation list with $why is refused", (vector) => {
  const owner = parseRoot(utf8(root.root.bytes))
  expect(() => openRevocationList(utf8(vector.bytes), owner)).toThrow(
    expect.objectContaining({ code: vector.code }),
  )
})

const auditor = signerOf(signed.seeds["auditor"])
const auditors = new Map([[auditor.key.kid, auditor.key]])

test.each(signed.signed)("the signature of $terms.path is made again and opens", (vector) => {
  const file = utf8(vector.file)
  expect(text(signFile(file, vector.terms, auditor))).toBe(vector.signature)
  expect(openSignedFile(file, utf8(vector.signature), auditors)).toEqual(vector.terms)
})

test.each(signed.refused)("a signed file with $why is refused", ({ file, signature, code }) => {
  expect(() => openSignedFile(utf8(file), utf8(signature), auditors)).toThrow(
    expect.objectContaining({ code }),
  )
})
