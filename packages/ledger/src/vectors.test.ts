import { readFileSync } from "node:fs"
import {
  commitMessage,
  encodeEvent,
  eventHash,
  fromHex,
  genesisHash,
  hashLeaf,
  isSignedBy,
  openReceipt,
  parseEvent,
  parseSignature,
  publicKeyFromRaw,
  text,
  utf8,
} from "@amc/core"
import { expect, test } from "vitest"
import { makeVectors, type VectorFiles } from "./vectors.fixture.ts"

function read<N extends keyof VectorFiles>(name: N): VectorFiles[N] {
  const file = new URL(`../../../spec/vectors/${name}`, import.meta.url)
  return JSON.parse(readFileSync(file, "utf8")) as VectorFiles[N]
}

const events = read("event.json")
const receipts = read("receipt.json")
const signatures = read("signature.json")
const key = publicKeyFromRaw(fromHex(signatures.public_key))
const keys = new Map([[key.kid, key]])

test("the vectors are those that the recorder makes", async () => {
  expect(await makeVectors()).toEqual({
    "event.json": events,
    "receipt.json": receipts,
    "signature.json": signatures,
  })
})

test.each(events.genesis)("the first link of $why", ({ lane, agent, root_sha256, hash }) => {
  expect(genesisHash(lane, agent, root_sha256)).toBe(hash)
})

test.each(events.accepted)("reads the event $why and writes the same bytes", ({ body }) => {
  expect(new TextDecoder().decode(encodeEvent(parseEvent(utf8(body))))).toBe(body)
})

test.each(events.refused)("refuses an event with $why", ({ body, code }) => {
  expect(() => parseEvent(utf8(body))).toThrow(expect.objectContaining({ code }))
})

test.each(signatures.accepted)("the key signed the event $why", ({ leaf: body, ...vector }) => {
  const leaf = utf8(body)
  expect(isSignedBy({ leaf, signature: vector.signature }, key)).toBe(true)
  const message = commitMessage(hashLeaf(leaf), parseSignature(vector.signature))
  expect(text(message)).toBe(vector.signed)
  expect(eventHash(leaf)).toBe(vector.event_hash)
})

test.each(signatures.unsigned)("the key did not sign an event with $why", ({ leaf, signature }) => {
  parseSignature(signature)
  expect(isSignedBy({ leaf: utf8(leaf), signature }, key)).toBe(false)
})

test.each(signatures.refused)("$why is no signature", ({ signature }) => {
  expect(() => parseSignature(signature)).toThrow(
    expect.objectContaining({ code: "input/malformed" }),
  )
})

test.each(receipts.accepted)("reads the receipt $why", ({ header, receipt }) => {
  expect(openReceipt(header, keys)).toEqual(receipt)
})

test.each(receipts.refused)("refuses a receipt with $why", ({ header }) => {
  expect(() => openReceipt(header, keys)).toThrow(
    expect.objectContaining({ code: "input/malformed" }),
  )
})

test("names events of at least one of each kind", () => {
  expect(events.accepted.length).toBeGreaterThan(4)
  expect(
    events.refused.every(({ body }) => !events.accepted.some((good) => good.body === body)),
  ).toBe(true)
})
