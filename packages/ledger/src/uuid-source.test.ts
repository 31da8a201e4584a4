import { sampleAudit } from "@amc/testkit"
import * as fc from "fast-check"
import { expect, test } from "vitest"
import { uuidSource } from "./uuid-source.ts"
import { lane, openWriting, recordAll } from "./writing.fixture.ts"

const uuid7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

test("ids are UUIDv7s of their time and ascend, however many there are in a millisecond", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(2), { maxLength: 300 }), (steps) => {
      let [ms, last] = [1_760_000_000_000, null as string | null]
      for (const step of steps) {
        ms += step
        const id = uuidSource(ms, last)
        expect(id).toMatch(uuid7)
        expect(id > (last ?? "")).toBe(true)
        expect(Number.parseInt(id.replace("-", "").slice(0, 12), 16)).toBe(ms)
        last = id
      }
    }),
  )
})

test.each([
  { why: "the last of its millisecond", after: "0199c82c-c000-7fff-bfff-ffffffffffff" },
  { why: "one near the end of its tail", after: "0199c82c-c000-7000-8000-fffffffffffe" },
  { why: "one of a later time", after: "0199ffff-ffff-7000-8000-000000000000" },
])("an id comes after $why", ({ after }) => {
  const id = uuidSource(0x0199c82cc000, after)
  expect(id).toMatch(uuid7)
  expect(id > after).toBe(true)
})

test("ids go on ascending when a lane is opened again within the same millisecond, or with the clock set back", async () => {
  const first = await openWriting({ ids: uuidSource })
  await recordAll(first.writer, ["a", "b", "c"].map(sampleAudit))
  await first.writer.close()
  first.clock.advance(-100_000)
  const second = await openWriting({ ...first, ids: uuidSource })
  await recordAll(second.writer, ["d", "e"].map(sampleAudit))
  const ids: string[] = []
  for await (const { id } of first.store.read(lane, 0)) ids.push(id)
  expect(ids).toHaveLength(5)
  expect(ids).toEqual(ids.toSorted())
  expect(new Set(ids).size).toBe(5)
})
