import { createHash } from "node:crypto"
import {
  bundleSumsNamespace,
  canonicalize,
  encodeBundleSums,
  encodeCheckpoint,
  encodeEnvelope,
  encodeRunSeal,
  encodeSignedFile,
  encodeStatement,
  issueKeyCertificate,
  issueRoot,
  openNote,
  openRunSeal,
  openSignedFile,
  parseSshsig,
  type RunSeal,
  type Signer,
  signEnvelope,
  text,
  utf8,
  verifySshsig,
} from "@amc/core"
import * as fc from "fast-check"
import { expect, test } from "vitest"
import { answerRequest, type NotaryKeys } from "./notary-desk.ts"
import { encodeAnswer, encodeRequest, maxLine, openAnswer, parseRequest } from "./notary-line.ts"
import { generatePrivateKey, privateKeySigner } from "./private-key.ts"

const [auditor, ledger, root, release] = [1, 2, 3, 4].map(() =>
  privateKeySigner(generatePrivateKey()),
) as [Signer, Signer, Signer, Signer]
const keys: NotaryKeys = new Map([
  ["auditor", auditor],
  ["ledger", ledger],
  ["release", release],
])
const auditorKeys = new Map([[auditor.key.kid, auditor.key]])
const zeros = "00".repeat(32)

const file = utf8("a: 1\n")
const terms = {
  path: "policy.yaml",
  workspace: "acme",
  version: 1,
  previous_sha256: null,
  expires_ms: null,
  role: "auditor" as const,
}
const seal: RunSeal = {
  reportSha256: zeros,
  run: {
    run_id: "run-1",
    workspace: "acme",
    agent: "a1",
    engine: "score/v1",
    bank_sha256: zeros,
    window: { from_ms: 1, to_ms: 2 },
    checkpoint: { origin: "acme/main", size: 1, root_sha256: zeros },
    heads: [],
  },
}
const checkpoint = { origin: "acme/main", size: 7, root: new Uint8Array(32).fill(1) }

const good = {
  "sign-file": encodeSignedFile(file, terms),
  "seal-run": encodeRunSeal(seal),
  "sign-checkpoint": utf8(encodeCheckpoint(checkpoint)),
  "sign-sums": encodeBundleSums([
    { path: "manifest.dsse.json", sha256: zeros },
    { path: "manifest.json", sha256: zeros },
  ]),
}

test("signs each kind with its own role's key", () => {
  const ask = (op: keyof typeof good): Uint8Array => answerRequest({ op, payload: good[op] }, keys)
  expect(openSignedFile(file, ask("sign-file"), auditorKeys)).toEqual(terms)
  expect(openRunSeal(ask("seal-run"), auditorKeys)).toEqual(seal)
  const note = openNote(text(ask("sign-checkpoint")), [{ name: "acme/main", key: ledger.key }])
  expect(note.text).toBe(encodeCheckpoint(checkpoint))
  const signed = parseSshsig(ask("sign-sums"), bundleSumsNamespace)
  const releaseKeys = new Map([[release.key.kid, release.key]])
  expect(verifySshsig(signed, bundleSumsNamespace, good["sign-sums"], releaseKeys)).toBe(true)
})

const rootBytes = issueRoot(
  { workspace: "acme", version: 1, threshold: 1, createdMs: 1, expiresMs: 2 },
  [root],
)
const window = { valid_from_index: 0, valid_to_index: null, valid_from_ms: 0, valid_to_ms: null }
const event = canonicalize({ v: 1, type: "llm_request", lane: "l", lseq: 0, facts: {} })
const statement = {
  subject: [{ name: "report.json", sha256hex: zeros }],
  predicateType: "urn:amc:certificate:v1",
  predicate: {},
}

const wrong: { why: string; payload: Uint8Array }[] = [
  { why: "nothing", payload: new Uint8Array() },
  { why: "a raw digest", payload: new Uint8Array(createHash("sha256").update("x").digest()) },
  { why: "a digest as text", payload: utf8(`sha256:${zeros}`) },
  { why: "an event's body", payload: event },
  { why: "a root", payload: rootBytes },
  {
    why: "a key certificate",
    payload: issueKeyCertificate(
      ledger.key,
      { workspace: "acme", role: "ledger", lanes: [], ...window },
      [root],
    ),
  },
  { why: "a statement of another kind", payload: encodeStatement(statement) },
  {
    why: "a signed envelope",
    payload: encodeEnvelope(signEnvelope("text/plain", good["sign-file"], [root])),
  },
  {
    why: "a statement with a space in it",
    payload: utf8(text(good["sign-file"]).replace(":", ": ")),
  },
  {
    why: "a run with a fraction in it",
    payload: utf8(text(good["seal-run"]).replace('"size":1', '"size":1.5')),
  },
  {
    why: "a run with a member too many",
    payload: utf8(text(good["seal-run"]).replace('"run_id"', '"a":1,"run_id"')),
  },
  {
    why: "a checkpoint with an extension line",
    payload: utf8(`${encodeCheckpoint(checkpoint)}more\n`),
  },
  {
    why: "a checkpoint with a leading zero",
    payload: utf8(encodeCheckpoint(checkpoint).replace("\n7\n", "\n07\n")),
  },
  {
    why: "a checkpoint that is signed already",
    payload: utf8(`${encodeCheckpoint(checkpoint)}\n\u2014 x AAAAAA==\n`),
  },
  { why: "bytes that are no text", payload: Uint8Array.of(0xff, 0xfe) },
]

test.each(wrong)("refuses to sign $why, whatever it is called", ({ payload }) => {
  for (const op of Object.keys(good))
    expect(() => answerRequest({ op, payload }, keys)).toThrow(
      expect.objectContaining({ code: "notary/refused" }),
    )
})

test("refuses one kind under the name of another", () => {
  for (const op of Object.keys(good))
    for (const [other, payload] of Object.entries(good))
      if (other !== op)
        expect(() => answerRequest({ op, payload }, keys)).toThrow(
          expect.objectContaining({ code: "notary/refused" }),
        )
})

test.each([
  "sign",
  "sign-event",
  "sign-root",
  "certify-key",
  "",
  "__proto__",
  "toString",
  "constructor",
])("does nothing called %j", (op) => {
  expect(() => answerRequest({ op, payload: good["sign-file"] }, keys)).toThrow(
    expect.objectContaining({ code: "notary/refused" }),
  )
})

test("a role whose key is not unlocked stays locked", () => {
  const onlyLedger: NotaryKeys = new Map([["ledger", ledger]])
  for (const op of ["sign-file", "seal-run"] as const)
    expect(() => answerRequest({ op, payload: good[op] }, onlyLedger)).toThrow(
      expect.objectContaining({ code: "vault/locked" }),
    )
  const onlyAuditor: NotaryKeys = new Map([["auditor", auditor]])
  expect(() =>
    answerRequest({ op: "sign-checkpoint", payload: good["sign-checkpoint"] }, onlyAuditor),
  ).toThrow(expect.objectContaining({ code: "vault/locked" }))
})

test("any bytes are refused or are one of the three kinds", () => {
  const op = fc.constantFrom(...Object.keys(good))
  fc.assert(
    fc.property(op, fc.uint8Array({ maxLength: 200 }), (op, payload) => {
      expect(() => answerRequest({ op, payload }, keys)).toThrow(
        expect.objectContaining({ code: "notary/refused" }),
      )
    }),
  )
})

test("requests and answers survive the wire, faults with their code", () => {
  const request = { op: "sign-file", payload: good["sign-file"] }
  expect(parseRequest(encodeRequest(request))).toEqual(request)
  expect(openAnswer(encodeAnswer(file))).toEqual(file)
  const fault = expect.objectContaining({ code: "input/malformed" })
  expect(() => openAnswer(utf8('{"code":"x/y","message":"m"}'))).toThrow(fault)
  expect(() => openAnswer(utf8('{"code":"toString","message":"m"}'))).toThrow(fault)
  expect(() => parseRequest(utf8('{"op":"keys"}'))).toThrow(fault)
  expect(maxLine).toBe(2 ** 20)
})
