import { readFileSync } from "node:fs"
import {
  encodeEvent,
  eventHash,
  eventPayloadType,
  fromHex,
  genesisHash,
  isLeafSignedBy,
  openReceipt,
  pae,
  parseEvent,
  parseLeaf,
  publicKeyFromRaw,
  toHex,
  utf8,
} from "@amc/core"
import { expect, test } from "vitest"
import { makeVectors, type VectorFiles } from "./vectors.fixture.ts"

function read<N extends keyof VectorFiles>(name: N): VectorFiles[N] {
  const file = new URL(`../../../spec/vectors/${name}`, import.meta.url)
  return JSON.parse(readFileSync(file, "utf8")) as VectorFiles[N]
}

const [events, leaves, receipts] = [read("event.json"), read("leaf.json"), read("receipt.json")]
const key = publicKeyFromRaw(fromHex(leaves.public_key))
const keys = new Map([[key.kid, key]])

test("the vectors are those that the recorder makes", async () => {
  expect(await makeVectors()).toEqual({
    "event.json": events,
    "leaf.json": leaves,
    "receipt.json": receipts,
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

test.each(leaves.accepted)("reads the leaf $why", ({ leaf, signed, event_hash }) => {
  const parsed = parseLeaf(utf8(leaf))
  expect(isLeafSignedBy(parsed, key)).toBe(true)
  expect(toHex(pae(eventPayloadType, parsed.body))).toBe(signed + toHex(parsed.body))
  expect(eventHash(utf8(leaf))).toBe(event_hash)
})

test.each(leaves.unsigned)("does not take a leaf with $why for the key's", ({ leaf }) => {
  expect(isLeafSignedBy(parseLeaf(utf8(leaf)), key)).toBe(false)
})

test.each(leaves.refused)("refuses a leaf with $why", ({ leaf, code }) => {
  expect(() => {
    const { body } = parseLeaf(utf8(leaf))
    parseEvent(body)
  }).toThrow(expect.objectContaining({ code }))
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
