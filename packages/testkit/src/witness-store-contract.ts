import {
  type Contradiction,
  contradictionsMax,
  type WitnessedCheckpoint,
  type WitnessStore,
} from "@amc/ledger"
import { describe, expect, onTestFinished, test } from "vitest"
import type { StoreUnderTest } from "./event-store-contract.ts"

const origin = "ledger.example/amc"

function at(size: number, time = size, note = `note of ${size}`): WitnessedCheckpoint {
  return { origin, size, note, time }
}

function pair(sent: string, kind: Contradiction["kind"] = "fork"): Contradiction {
  return { origin, kind, kept: "kept", sent, atMs: 1 }
}

/** What every {@link WitnessStore} must do. A new driver runs this and adds only its own tests. */
export function witnessStoreContract(
  name: string,
  make: () => Promise<StoreUnderTest<WitnessStore>>,
): void {
  const setUp = async (): Promise<WitnessStore> => {
    const store = await make()
    onTestFinished(() => store.remove())
    return store.open()
  }

  describe(`${name}: WitnessStore contract`, () => {
    test("knows nothing of a log at first", async () => {
      expect(await (await setUp()).latest(origin)).toBeNull()
    })

    test("gives back what was put, for each log alone", async () => {
      const store = await setUp()
      expect(await store.swap(null, at(3))).toBe(true)
      expect(await store.swap(null, { ...at(9), origin: "other" })).toBe(true)
      expect(await store.latest(origin)).toEqual(at(3))
      expect(await store.swap(at(3), at(5))).toBe(true)
      expect(await store.latest(origin)).toEqual(at(5))
      expect(await store.latest("other")).toEqual({ ...at(9), origin: "other" })
    })

    test.each([
      { why: "nothing was there", expected: null },
      { why: "another size", expected: at(2) },
      { why: "another time", expected: at(3, 2) },
      { why: "another note", expected: at(3, 3, "other") },
    ])("puts nothing where the caller expected $why", async ({ expected }) => {
      const store = await setUp()
      await store.swap(null, at(3))
      expect(await store.swap(expected, at(5))).toBe(false)
      expect(await store.latest(origin)).toEqual(at(3))
    })

    test("lets one of many through that start from the same (L19)", async () => {
      const store = await setUp()
      await store.swap(null, at(3))
      const sizes = [4, 5, 6, 7, 8]
      const through = await Promise.all(sizes.map((size) => store.swap(at(3), at(size))))
      expect(through.filter((each) => each)).toHaveLength(1)
      expect(await store.latest(origin)).toEqual(at(sizes[through.indexOf(true)] ?? 0))
    })

    test("keeps contradictions of a log, each once and in order", async () => {
      const store = await setUp()
      for (const each of [pair("a"), pair("b", "inconsistent"), pair("a")]) await store.keep(each)
      await store.keep({ ...pair("c"), origin: "other" })
      expect(await store.contradictions(origin)).toEqual([pair("a"), pair("b", "inconsistent")])
    })

    test("keeps the first forks and the last of what was only not shown, within the limit", async () => {
      const store = await setUp()
      for (let n = 0; n < contradictionsMax + 2; n++)
        for (const kind of ["fork", "inconsistent"] as const) await store.keep(pair(`${n}`, kind))
      const sentOf = async (kind: Contradiction["kind"]): Promise<string[]> =>
        (await store.contradictions(origin)).filter((each) => each.kind === kind).map((c) => c.sent)
      const numbers = (from: number): string[] =>
        Array.from({ length: contradictionsMax }, (_, n) => `${n + from}`)
      expect(await sentOf("fork")).toEqual(numbers(0))
      expect(await sentOf("inconsistent")).toEqual(numbers(2))
    })
  })
}
