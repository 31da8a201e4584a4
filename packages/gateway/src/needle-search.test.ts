import * as fc from "fast-check"
import { expect, test } from "vitest"
import { NeedleSearch } from "./needle-search.ts"

/** Few letters, so that strings overlap, repeat and begin alike. */
const letters = fc.constantFrom("a", "b", "c")
const needle = fc.string({ unit: letters, minLength: 2, maxLength: 9 })
const hay = fc.string({ unit: letters, maxLength: 60 })

test("each place is found where any of the strings lies, and no other", () => {
  fc.assert(
    fc.property(fc.uniqueArray(needle, { maxLength: 6 }), hay, (needles, text) => {
      const found: string[] = []
      const search = new NeedleSearch(needles.map((each) => Buffer.from(each)))
      search.each(Buffer.from(text), (from, to) => found.push(`${from}-${to}`))
      const places = needles.flatMap((each) =>
        Array.from(text, (_, at) => at)
          .filter((at) => text.startsWith(each, at))
          .map((at) => `${at}-${at + each.length}`),
      )
      expect(found.toSorted()).toEqual(places.toSorted())
    }),
    { numRuns: 2000 },
  )
})

test("strings longer than a shift can say are found too", () => {
  const long = Buffer.from(Array.from({ length: 600 }, (_, at) => (at * 7) % 256))
  const hayBytes = Buffer.concat([Buffer.alloc(777, 1), long, Buffer.alloc(99, 1)])
  const found: number[] = []
  new NeedleSearch([long]).each(hayBytes, (from, to) => found.push(from, to))
  expect(found).toEqual([777, 1377])
})
