import type { Observation } from "@amc/core"
import { sampleAudit, sampleRequest } from "@amc/testkit"
import { expect, test } from "vitest"
import { BatchPacker, unpackObservations } from "./observation-batch.ts"

const s1 = { agent: "coder", session: "s1" }

function withBlob(callId: string, blob: Uint8Array | { path: string } | null): Observation {
  const { payload, ...rest } = sampleRequest({ ...s1, callId })
  return { ...rest, payload: { ...payload!, blob } }
}

test("what is packed comes out as it went in, each payload with its own bytes", () => {
  const observations = [
    sampleAudit("a\ud83d\ude00"),
    withBlob("c1", Uint8Array.of(1, 2, 3)),
    withBlob("c2", null),
    withBlob("c3", { path: "/spool/x" }),
    withBlob("c4", new Uint8Array()),
    withBlob("c5", Uint8Array.of(4)),
  ]
  const packer = new BatchPacker()
  for (const one of observations) packer.add(one)
  expect(packer.size).toBe(6)
  expect(unpackObservations(structuredClone(packer.take()))).toEqual(observations)
  expect(packer.size).toBe(0)
  expect(unpackObservations(packer.take())).toEqual([])
})

test("what is changed after it was added is not changed in the batch", () => {
  const blob = Uint8Array.of(1, 2, 3)
  const packer = new BatchPacker()
  packer.add(withBlob("c1", blob))
  blob.fill(9)
  expect(unpackObservations(packer.take())).toEqual([withBlob("c1", Uint8Array.of(1, 2, 3))])
})

test("what JSON can't say is refused, and the rest is not lost", () => {
  const packer = new BatchPacker()
  packer.add(sampleAudit("a"))
  const bad = { ...sampleAudit("b"), facts: 1n } as unknown as Observation
  expect(() => packer.add(bad)).toThrow(TypeError)
  expect(unpackObservations(packer.take())).toEqual([sampleAudit("a")])
})
