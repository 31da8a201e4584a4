import {
  encodeCheckpoint,
  encodeProofExtra,
  encodeTlogProof,
  fromHex,
  inclusionPath,
  mintReceipt,
  parseTlogProof,
  type ProofExtra,
  type Receipt,
  signLeaf,
  signNote,
  toHex,
  utf8,
  type Verdict,
} from "@amc/core"
import * as fc from "fast-check"
import { expect, test } from "vitest"
import { makeRun } from "./bundle.fixture.ts"
import { type EventProofTerms, verifyEventProof } from "./event-proof.ts"
import { exitOf } from "./exit.ts"
import type { ProofTrust } from "./proof-trust.ts"
import { laneName, lifetimeMs, makeWorld, origin, startMs, type World } from "./world.fixture.ts"

const { world, lane } = makeRun()
const hashes = lane.leaves.map(({ hash }) => fromHex(hash))
const at = lane.leaves.findIndex(({ event }) => event.type === "llm_request")
const { leaf, signature, event, hash } = lane.leaves[at]!
const body = utf8("request s-0-0")
const note = lane.checkpoint(world.signers.ledger)
const atMs = startMs + 1_000_000
const root: ProofTrust = { rootSha256: world.rootSha256, atMs }
const vkeyTrust: ProofTrust = { verifiers: [{ name: origin, key: world.signers.ledger.key }] }

const receipt: Receipt = {
  v: 1,
  kind: "llm_request",
  receipt_id: "r-1",
  ts: event.ts,
  agent: event.agent,
  session: event.session!,
  provider: "openai",
  model: "gpt",
  event_hash: hash,
  body_sha256: event.payload!.sha256,
  lane: laneName,
  lseq: event.lseq,
  origin,
  kid: world.signers.monitor.key.kid,
}
const minted = (change: Partial<Receipt> = {}, by: World = world): string =>
  mintReceipt({ ...receipt, ...change }, by.signers.monitor)
const header = minted()

const extra: ProofExtra = {
  leaf,
  signature,
  receipt: header,
  roots: [world.rootBytes],
  revocations: world.revocations,
  certificates: [...world.certificates.values()],
}

interface Parts {
  readonly index?: number
  readonly checkpoint?: string
  readonly extra?: Partial<ProofExtra> | null
}

function proofOf({ index = at, checkpoint = note, extra: change = {} }: Parts = {}): Uint8Array {
  const path = inclusionPath(hashes, index)
  const brought = change === null ? null : encodeProofExtra({ ...extra, ...change })
  return utf8(encodeTlogProof({ index, path, checkpoint, extra: brought }))
}

function verify(proof: Uint8Array, terms: Partial<EventProofTerms> = {}): Verdict<unknown> {
  return verifyEventProof(proof, { trust: root, ...terms })
}

const codes = (verdict: Verdict<unknown>): string[] =>
  verdict.accepted ? [] : verdict.findings.map(({ code }) => code)

test("a file and a pinned root show event, receipt and body", () => {
  expect(verify(proofOf(), { body, receipt: header, eventHash: hash })).toMatchObject({
    accepted: true,
    value: {
      summary: {
        origin,
        index: at,
        event_hash: hash,
        event,
        receipt,
        body_matches: true,
        checkpoint: { size: lane.leaves.length, root_sha256: toHex(lane.tree().root()) },
      },
      trust: { workspace: "demo", revocations: world.revocations },
    },
  })
})

test("with no receipt and no body it shows the event alone", () => {
  expect(verify(proofOf({ extra: { receipt: null } }))).toMatchObject({
    accepted: true,
    value: { summary: { receipt: null, body_matches: false } },
  })
})

test("a ledger's key alone shows that the event is in that ledger", () => {
  expect(verify(proofOf(), { trust: vkeyTrust, body })).toMatchObject({
    accepted: true,
    value: { summary: { event, receipt: null, body_matches: true }, trust: null },
  })
})

test("a proof that brings nothing along needs the event and a ledger's key", () => {
  const bare = proofOf({ extra: null })
  expect(verify(bare, { trust: vkeyTrust, eventHash: hash })).toMatchObject({
    accepted: true,
    value: { summary: { event: null } },
  })
  expect(codes(verify(bare, { trust: vkeyTrust }))).toEqual(["proof/no-event"])
  expect(codes(verify(bare, { eventHash: hash }))).toEqual(["proof/no-keys"])
  expect(codes(verify(bare, { trust: vkeyTrust, eventHash: hash, body }))).toEqual([
    "receipt/another-body",
  ])
})

const mallory = makeWorld("mallory")
const other = lane.leaves[at + 1]!
const twin = signNote(
  encodeCheckpoint({ origin, size: lane.leaves.length, root: lane.tree().root() }),
  origin,
  mallory.signers.ledger,
)

test.each<{
  readonly why: string
  readonly proof: Uint8Array
  readonly terms?: Partial<EventProofTerms>
  readonly code: string
  readonly exit: number
}>([
  {
    why: "R01 another body",
    proof: proofOf(),
    terms: { body: utf8("another") },
    code: "receipt/another-body",
    exit: 4,
  },
  {
    why: "R02 a receipt of an event that is not the proven one",
    proof: proofOf({ extra: { receipt: null } }),
    terms: { receipt: minted({ event_hash: other.hash }) },
    code: "receipt/another-event",
    exit: 4,
  },
  {
    why: "R03 a receipt of another agent than the event's",
    proof: proofOf({ extra: { receipt: minted({ agent: "mallory" }) } }),
    code: "receipt/another-event",
    exit: 4,
  },
  {
    why: "R05 a receipt of another ledger",
    proof: proofOf({ extra: { receipt: minted({ origin: "other/ledger" }) } }),
    code: "receipt/checkpoint",
    exit: 1,
  },
  {
    why: "R06 a receipt by a key that may not speak there",
    proof: proofOf({ extra: { receipt: minted({ lane: "side" }) } }),
    code: "trust/key-out-of-place",
    exit: 4,
  },
  {
    why: "R07 a leaf in the extra that is another event",
    proof: proofOf({ extra: { leaf: other.leaf, signature: other.signature, receipt: null } }),
    code: "proof/not-included",
    exit: 1,
  },
  {
    why: "R07 a stranger's receipt in the extra",
    proof: proofOf({
      extra: { receipt: minted({ kid: mallory.signers.monitor.key.kid }, mallory) },
    }),
    code: "receipt/refused",
    exit: 1,
  },
  {
    why: "R07 a stranger's receipt in the name of the monitor's key in the extra",
    proof: proofOf({ extra: { receipt: minted({}, mallory) } }),
    code: "receipt/refused",
    exit: 4,
  },
  {
    why: "R07 a stranger's root in the extra",
    proof: proofOf({ extra: { roots: [mallory.rootBytes] } }),
    code: "trust/root-invalid",
    exit: 1,
  },
  {
    why: "R07 a stranger's certificates in the extra",
    proof: proofOf({ extra: { certificates: [...mallory.certificates.values()] } }),
    code: "trust/certificate-invalid",
    exit: 1,
  },
  {
    why: "R07 a stranger's list of revocations in the extra",
    proof: proofOf({ extra: { revocations: mallory.revocations } }),
    code: "trust/revocations-invalid",
    exit: 1,
  },
  {
    why: "no certificates in the extra",
    proof: proofOf({ extra: { certificates: [] } }),
    code: "proof/untrusted",
    exit: 1,
  },
  {
    why: "another event than was asked about",
    proof: proofOf(),
    terms: { eventHash: other.hash },
    code: "proof/another-event",
    exit: 1,
  },
  {
    why: "another place in the tree",
    proof: proofOf({ index: at + 1 }),
    code: "proof/not-included",
    exit: 1,
  },
  {
    why: "a stranger's checkpoint",
    proof: proofOf({ checkpoint: twin }),
    code: "proof/untrusted",
    exit: 1,
  },
  {
    why: "a stranger's root",
    proof: proofOf(),
    terms: { trust: { rootSha256: mallory.rootSha256, atMs } },
    code: "trust/root-invalid",
    exit: 1,
  },
  {
    why: "an expired root",
    proof: proofOf(),
    terms: { trust: { rootSha256: world.rootSha256, atMs: startMs + lifetimeMs + 1 } },
    code: "trust/root-expired",
    exit: 1,
  },
  {
    why: "a receipt where only a ledger's key is trusted",
    proof: proofOf(),
    terms: { trust: vkeyTrust, receipt: header },
    code: "proof/receipt-unverified",
    exit: 1,
  },
  {
    why: "extra that is nobody's",
    proof: utf8(
      encodeTlogProof({
        ...parseTlogProof(new TextDecoder().decode(proofOf())),
        extra: utf8("hello"),
      }),
    ),
    code: "proof/malformed",
    exit: 1,
  },
  { why: "no proof at all", proof: utf8("hello"), code: "proof/malformed", exit: 1 },
  { why: "bytes that are no text", proof: Uint8Array.of(0xff), code: "proof/malformed", exit: 1 },
])("$why is refused", ({ proof, terms = {}, code, exit }) => {
  const verdict = verify(proof, terms)
  expect(codes(verdict)).toContain(code)
  expect(exitOf(verdict)).toBe(exit)
})

/** The same owner and keys, certified for less. */
const narrow = makeWorld("owner", { ledger: { valid_to_index: 2 }, monitor: { valid_to_index: 0 } })
const certificateOf = (of: World, role: "ledger" | "monitor"): Uint8Array =>
  of.certificates.get(of.signers[role].key.kid)!

test.each([
  {
    why: "the ledger's key signs a checkpoint",
    ledger: narrow,
    monitor: world,
    subject: "checkpoint",
  },
  { why: "the monitor's key signs an event", ledger: world, monitor: narrow, subject: "leaf" },
])("$why after its window: not accepted", ({ ledger, monitor, subject }) => {
  const certificates = [certificateOf(ledger, "ledger"), certificateOf(monitor, "monitor")]
  const verdict = verify(proofOf({ extra: { certificates, receipt: null } }))
  expect(verdict.accepted ? [] : verdict.findings).toMatchObject([
    { code: "trust/key-out-of-place", subject, tampered: false },
  ])
})

test("L27 an event in the tree that the monitor did not sign is found", () => {
  const forged = signLeaf(leaf, mallory.signers.monitor).signature
  const verdict = verify(proofOf({ extra: { signature: forged, receipt: null } }))
  expect([codes(verdict), exitOf(verdict)]).toEqual([["proof/leaf-unsigned"], 4])
})

test("every receipt must hold, the caller's and the one that came along", () => {
  const late = minted({ receipt_id: "r-2" })
  expect(verify(proofOf(), { receipt: late })).toMatchObject({
    accepted: true,
    value: { summary: { receipt: { receipt_id: "r-2" } } },
  })
  const wrong = proofOf({ extra: { receipt: minted({ agent: "mallory" }) } })
  expect(codes(verify(wrong, { receipt: late }))).toEqual(["receipt/another-event"])
})

test("L11 a tree that differs from one of that size seen before is a fork", () => {
  const pin = { size: lane.leaves.length, root_sha256: "ab".repeat(32), seen_ms: startMs }
  const known = { roots: [world.rootBytes], revocations: world.revocations, pins: [pin] }
  const verdict = verify(proofOf(), { trust: { rootSha256: world.rootSha256, atMs, known } })
  expect([codes(verdict), exitOf(verdict)]).toEqual([["ledger/forked"], 4])
  const same = { ...pin, root_sha256: toHex(lane.tree().root()) }
  const trust = { rootSha256: world.rootSha256, atMs, known: { ...known, pins: [same] } }
  expect(verify(proofOf(), { trust })).toMatchObject({ accepted: true })
})

test("L29 a receipt whose event no checkpoint covers is only a promise, and can't be passed off as more", () => {
  const early = lane.checkpoint(world.signers.ledger, at)
  expect(codes(verify(proofOf({ checkpoint: early })))).toContain("proof/not-included")
})

test("R07 a proof in which any character of the extra was changed shows no more than before", () => {
  const proof = new TextDecoder().decode(proofOf())
  const from = proof.indexOf("extra ") + 6
  const to = proof.indexOf("\n", from)
  fc.assert(
    fc.property(
      fc.integer({ min: from, max: to - 1 }),
      fc.constantFrom("A", "b", "7", "/", "="),
      (place, put) => {
        const near = proof.slice(0, place) + put + proof.slice(place + 1)
        const verdict = verify(utf8(near), { body })
        if (near !== proof && verdict.accepted)
          expect(verdict.value).toMatchObject({
            summary: { event, event_hash: hash, body_matches: true },
          })
      },
    ),
    { numRuns: 300 },
  )
})
