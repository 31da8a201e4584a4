import { createPublicKey } from "node:crypto"
import {
  type Certificate,
  certificateFloors,
  encodeCertificate,
  issueRevocationList,
  parseCertificateFile,
  sha256Hex,
  signCertificate,
  toBase64,
  utf8,
} from "@amc/core"
import { bundleFromJSON } from "@sigstore/bundle"
import { toSignedEntity, type TrustMaterial, Verifier } from "@sigstore/verify"
import * as fc from "fast-check"
import { expect, test } from "vitest"
import { type CertificateTerms, verifyCertificate } from "./certificate.ts"
import { exitOf } from "./exit.ts"
import { lifetimeMs, makeWorld, startMs, workspace, type World } from "./world.fixture.ts"

const dayMs = 86_400_000
const world = makeWorld("issuer")
const mallory = makeWorld("mallory")
const bundle = utf8("a bundle")

function certificateOf(by: World, change: Partial<Certificate> = {}): Certificate {
  return {
    workspace,
    root_sha256: by.rootSha256,
    issued_ms: startMs + dayMs,
    expires_ms: startMs + 91 * dayMs,
    bundle_sha256: sha256Hex(bundle),
    report_sha256: "2e".repeat(32),
    run: {
      workspace: "producer",
      origin: "producer/ledger",
      agent: "coder",
      run_id: "run-1",
      opened_ms: startMs,
      root_sha256: "3d".repeat(32),
      checkpoint: { size: 20, root_sha256: "4c".repeat(32) },
    },
    standing: {
      overall: 1,
      layers: [{ name: "Skills", level: 1 }],
      trust_label: "LOW TRUST",
      integrity_index: 90,
      completeness_per_mille: 1000,
      posture: "measured",
      upstreams: [{ provider: "openai", upstream: "https://api.openai.com", loopback: false }],
    },
    policy: {
      id: "release",
      name: "release.yaml",
      sha256: "5b".repeat(32),
      workspace: "consumer",
      root_sha256: "6a".repeat(32),
      version: 1,
    },
    trust: trustOf(by),
    ...change,
  }
}

function trustOf(by: World, revocations: Uint8Array = by.revocations): Certificate["trust"] {
  return {
    roots: [toBase64(by.rootBytes)],
    revocations: toBase64(revocations),
    keys: [...by.certificates.values()].map(toBase64),
  }
}

function issued(by: World = world, change: Partial<Certificate> = {}): Uint8Array {
  return signCertificate(encodeCertificate(certificateOf(by, change)), by.signers.auditor)
}

const good = issued()
const terms: CertificateTerms = { rootSha256: world.rootSha256, atMs: startMs + 2 * dayMs }

function judge(bytes: Uint8Array, more: Partial<CertificateTerms> = {}) {
  const verdict = verifyCertificate(bytes, { ...terms, ...more })
  return {
    exit: exitOf(verdict),
    codes: verdict.accepted ? [] : verdict.findings.map(({ code }) => code),
  }
}

test("B4: a certificate is accepted by its bytes and the issuer's pinned root alone", () => {
  expect(judge(good)).toEqual({ exit: 0, codes: [] })
  expect(judge(good, { bundle })).toEqual({ exit: 0, codes: [] })
})

test.each([
  { integrity_index: certificateFloors.integrityIndex - 1 },
  { completeness_per_mille: certificateFloors.completenessPerMille - 1 },
])("B4: no certificate says less than its floors, whoever would sign it: %o", (less) => {
  const standing = { ...certificateOf(world).standing, ...less }
  expect(() => issued(world, { standing })).toThrow("certificate breaks its schema")
  const floors = {
    integrity_index: certificateFloors.integrityIndex,
    completeness_per_mille: certificateFloors.completenessPerMille,
  }
  expect(judge(issued(world, { standing: { ...standing, ...floors } }))).toMatchObject({ exit: 0 })
})

/** The list of the issuer, in which this certificate is taken back. */
const takenBack = issueRevocationList(
  {
    workspace,
    version: 2,
    createdMs: startMs,
    expiresMs: startMs + lifetimeMs,
    revoked: [],
    certificates: new Map([[parseCertificateFile(good).sha256, startMs + 2 * dayMs]]),
  },
  [world.signers.root],
)
const known = { roots: [world.rootBytes], revocations: takenBack, pins: [] }

function endedKey(reason: "superseded" | "compromised", from_ms: number): Uint8Array {
  const { kid } = world.signers.auditor.key
  return makeWorld("issuer", {}, [{ kid, reason, from_index: null, from_ms }]).revocations
}

function withList(revocations: Uint8Array): Uint8Array {
  return issued(world, { trust: trustOf(world, revocations) })
}

const otherKey = signCertificate(encodeCertificate(certificateOf(world)), world.signers.release)
const strangers = signCertificate(encodeCertificate(certificateOf(world)), mallory.signers.auditor)

const refusals: readonly {
  readonly why: string
  readonly bytes: Uint8Array
  readonly more?: Partial<CertificateTerms>
  readonly exit: number
  readonly codes: readonly string[]
}[] = [
  {
    why: "that its issuer took back (B12)",
    bytes: good,
    more: { known },
    exit: 1,
    codes: ["cert/revoked"],
  },
  {
    why: "that its issuer took back, as of before that",
    bytes: good,
    more: { known, atMs: startMs + dayMs },
    exit: 1,
    codes: ["cert/revoked"],
  },
  {
    why: "on its last day's end (B12)",
    bytes: good,
    more: { atMs: startMs + 91 * dayMs },
    exit: 1,
    codes: ["cert/expired"],
  },
  {
    why: "before it was issued",
    bytes: good,
    more: { atMs: startMs + dayMs - 5 * 60_000 - 1 },
    exit: 1,
    codes: ["cert/not-yet"],
  },
  {
    why: "about another bundle (B11)",
    bytes: good,
    more: { bundle: utf8("another") },
    exit: 4,
    codes: ["cert/another-bundle"],
  },
  {
    why: "of an attacker, with the victim's names",
    bytes: issued(mallory),
    exit: 1,
    codes: ["trust/root-invalid"],
  },
  {
    why: "that an attacker signed, with the victim's trust",
    bytes: strangers,
    exit: 1,
    codes: ["cert/signature"],
  },
  { why: "by a key of another role", bytes: otherKey, exit: 1, codes: ["cert/signature"] },
  {
    why: "that names another root than its issuer's",
    bytes: signCertificate(
      encodeCertificate(certificateOf(world, { root_sha256: mallory.rootSha256 })),
      world.signers.auditor,
    ),
    exit: 1,
    codes: ["cert/another-issuer"],
  },
  {
    why: "by a key that was stolen, whenever it says that it was issued",
    bytes: withList(endedKey("compromised", startMs + 50 * dayMs)),
    exit: 1,
    codes: ["trust/key-compromised"],
  },
  {
    why: "by a key that had been replaced",
    bytes: withList(endedKey("superseded", startMs + dayMs - 1)),
    exit: 1,
    codes: ["trust/key-superseded"],
  },
  {
    why: "under a list that has expired",
    bytes: issued(world, { issued_ms: startMs + 399 * dayMs, expires_ms: startMs + 500 * dayMs }),
    more: { atMs: startMs + 401 * dayMs },
    exit: 1,
    codes: ["trust/root-expired", "trust/revocations-expired"],
  },
]

test.each(refusals)("B4, K5: a certificate $why is refused", ({ bytes, more, exit, codes }) => {
  expect(judge(bytes, more)).toEqual({ exit, codes })
})

test("B4: what was issued before its key was replaced in good order goes on counting", () => {
  expect(judge(withList(endedKey("superseded", startMs + 3 * dayMs)))).toEqual({
    exit: 0,
    codes: [],
  })
})

test("B4: no changed byte is accepted, and none makes it throw", () => {
  for (let at = 0; at < good.length; at += at < 400 ? 1 : 13) {
    const changed = Uint8Array.from(good)
    changed[at] = (changed[at] ?? 0) ^ 1
    expect(judge(changed).exit, `byte ${at}`).toBeOneOf([1, 3, 4])
  }
})

test("B4: bytes that are no certificate are refused", () => {
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array(), fc.json().map(utf8)), (bytes) => {
      expect(judge(bytes)).toEqual({ exit: 1, codes: ["cert/malformed"] })
    }),
  )
})

test.each([
  { why: "without an end after its beginning", change: { expires_ms: startMs + dayMs } },
  { why: "for longer than a year", change: { expires_ms: startMs + 367 * dayMs } },
  {
    why: "of INVALID evidence",
    change: { standing: { ...certificateOf(world).standing, posture: "shared" } },
  },
  {
    why: "without an upstream",
    change: { standing: { ...certificateOf(world).standing, upstreams: [] } },
  },
])("B4: nobody can write a certificate $why", ({ change }) => {
  expect(() => encodeCertificate(certificateOf(world, change as never))).toThrow(
    expect.objectContaining({ code: "input/malformed" }),
  )
})

/** What Sigstore's own verifier needs to know of an issuer: the key by its hint. */
function materialOf(by: World): TrustMaterial {
  const { key } = by.signers.auditor
  const jwk = { kty: "OKP", crv: "Ed25519", x: Buffer.from(key.raw).toString("base64url") }
  return {
    certificateAuthorities: [],
    timestampAuthorities: [],
    tlogs: [],
    ctlogs: [],
    publicKey: () => ({
      publicKey: createPublicKey({ key: jwk, format: "jwk" }),
      validFor: () => true,
    }),
  }
}

function verifyBySigstore(bytes: Uint8Array, by: World): void {
  const none = { ctlogThreshold: 0, tlogThreshold: 0, timestampThreshold: 0 }
  const bundle = bundleFromJSON(JSON.parse(Buffer.from(bytes).toString()))
  new Verifier(materialOf(by), none).verify(toSignedEntity(bundle))
}

test("B5: Sigstore's own verifier reads a certificate, and accepts it by the issuer's key alone", () => {
  verifyBySigstore(good, world)
  expect(() => verifyBySigstore(good, mallory)).toThrow(/signature verification failed/u)
  const file = JSON.parse(Buffer.from(good).toString())
  const payload = JSON.parse(Buffer.from(file.dsseEnvelope.payload, "base64").toString())
  expect(payload).toMatchObject({
    _type: "https://in-toto.io/Statement/v1",
    predicateType: "https://slsa.dev/verification_summary/v1",
    subject: [{ name: "coder.amcbundle" }, { name: "run/report.json" }],
    predicate: {
      verificationResult: "PASSED",
      timeVerified: "2026-05-29T20:26:40.000Z",
      verifiedLevels: ["AMC_OVERALL_1", "AMC_LOW_TRUST"],
    },
  })
})
