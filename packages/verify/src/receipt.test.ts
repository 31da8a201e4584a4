import {
  encodeEvent,
  fromHex,
  inclusionPath,
  mintReceipt,
  type Receipt,
  utf8,
  type Verdict,
} from "@amc/core"
import * as fc from "fast-check"
import { expect, test } from "vitest"
import { makeRun } from "./bundle.fixture.ts"
import { exitOf } from "./exit.ts"
import { verifyReceipt } from "./receipt.ts"
import { laneName, makeWorld, origin, startMs } from "./world.fixture.ts"

const { world, lane } = makeRun()
const { keyring } = world
const at = lane.leaves.findIndex(({ event }) => event.type === "llm_request")
const { leaf, event, hash } = lane.leaves[at]!
const body = utf8("request s-0-0")
const checkpoint = lane.checkpoint(world.signers.ledger)
const hashes = lane.leaves.map((one) => fromHex(one.hash))
const proof = { index: at, path: inclusionPath(hashes, at) }

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
const header = mintReceipt(receipt, world.signers.monitor)
const codes = (verdict: Verdict<unknown>): string[] =>
  verdict.accepted ? [] : verdict.findings.map(({ code }) => code)

test("accepts a receipt with nothing else, as a promise", () => {
  expect(verifyReceipt(header, { keyring })).toEqual({
    accepted: true,
    value: { receipt, bodyMatches: false, leafMatches: false, isIncluded: false },
  })
})

test("accepts a receipt with its body, leaf, proof and checkpoint, as included", () => {
  expect(verifyReceipt(header, { keyring, body, leaf, proof, checkpoint })).toEqual({
    accepted: true,
    value: { receipt, bodyMatches: true, leafMatches: true, isIncluded: true },
  })
})

const mallory = makeWorld("mallory")
const otherLeaf = lane.leaves[at + 1]!.leaf
const twinId = "01980000-0000-7000-8000-00000000ffff"
const minted = (change: Partial<Receipt>, by = world): string =>
  mintReceipt({ ...receipt, ...change }, by.signers.monitor)

test.each([
  {
    why: "R01 for another body",
    header,
    terms: { body: utf8("another") },
    code: "receipt/another-body",
    exit: 4,
  },
  {
    why: "R02 for another event",
    header,
    terms: { leaf: otherLeaf },
    code: "receipt/another-event",
    exit: 4,
  },
  {
    why: "R02 for another event that says all that the receipt says",
    header,
    terms: { leaf: encodeEvent({ ...event, id: twinId }) },
    code: "receipt/another-event",
    exit: 4,
  },
  {
    why: "R03 of another agent than its event",
    header: minted({ agent: "mallory" }),
    terms: { leaf },
    code: "receipt/another-event",
    exit: 4,
  },
  {
    why: "of another kind than its event",
    header: minted({ kind: "llm_response" }),
    terms: { leaf },
    code: "receipt/another-event",
    exit: 4,
  },
  {
    why: "of another place than its event",
    header: minted({ lseq: 0 }),
    terms: { leaf },
    code: "receipt/another-event",
    exit: 4,
  },
  {
    why: "of another time than its event",
    header: minted({ ts: event.ts + 1 }),
    terms: { leaf },
    code: "receipt/another-event",
    exit: 4,
  },
  {
    why: "R05 of another origin",
    header: minted({ origin: "other/ledger" }),
    terms: { checkpoint, proof },
    code: "receipt/checkpoint",
    exit: 1,
  },
  {
    why: "by a stranger",
    header: minted({ kid: mallory.signers.monitor.key.kid }, mallory),
    terms: {},
    code: "receipt/refused",
    exit: 1,
  },
  {
    why: "by a key of another role",
    header: mintReceipt({ ...receipt, kid: world.signers.auditor.key.kid }, world.signers.auditor),
    terms: {},
    code: "receipt/refused",
    exit: 1,
  },
  {
    why: "R06 by a key that was not certified then",
    header: minted({ ts: startMs - 1 }),
    terms: {},
    code: "trust/key-out-of-place",
    exit: 1,
  },
  {
    why: "by a key that was not certified for its lane",
    header: minted({ lane: "other" }),
    terms: {},
    code: "trust/key-out-of-place",
    exit: 1,
  },
  {
    why: "whose event is not in the tree there",
    header,
    terms: { checkpoint, proof: { ...proof, index: proof.index + 1 } },
    code: "receipt/not-included",
    exit: 1,
  },
  {
    why: "with a stranger's checkpoint",
    header,
    terms: { checkpoint: lane.checkpoint(mallory.signers.ledger), proof },
    code: "receipt/checkpoint",
    exit: 1,
  },
  { why: "that is nothing", header: "", terms: {}, code: "receipt/refused", exit: 1 },
  {
    why: "that is too long",
    header: "A".repeat(9000),
    terms: {},
    code: "receipt/refused",
    exit: 1,
  },
])("$why: the receipt is refused", ({ header, terms, code, exit }) => {
  const verdict = verifyReceipt(header, { keyring, ...terms })
  expect(codes(verdict)).toEqual([code])
  expect(exitOf(verdict)).toBe(exit)
})

test("no character of a receipt can change unnoticed, and nothing throws", () => {
  fc.assert(
    fc.property(
      fc.nat(header.length - 1),
      fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
      (at, character) => {
        fc.pre(header[at] !== character)
        const changed = header.slice(0, at) + character + header.slice(at + 1)
        expect(verifyReceipt(changed, { keyring }).accepted).toBe(false)
      },
    ),
    { numRuns: 500 },
  )
})

test("never throws on any leaf or checkpoint", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 500 }),
      fc.string({ unit: "binary" }),
      (leaf, checkpoint) => {
        expect(verifyReceipt(header, { keyring, leaf, checkpoint }).accepted).toBe(false)
      },
    ),
  )
})
