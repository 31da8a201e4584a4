import * as fc from "fast-check"
import { expect, test } from "vitest"
import { textOf } from "./short-texts.ts"

/** Few letters and sizes, so that texts meet in their slots; and bytes that are no UTF-8. */
const bytes = fc.oneof(
  fc
    .string({ unit: fc.constantFrom("a", "b", "é"), maxLength: 30 })
    .map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 30 }).map((each) => Buffer.from(each)),
)

test("gives the text that Node would give, whatever was read before", () => {
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 40 }), (all) => {
      const whole = Buffer.concat(all)
      let from = 0
      for (const each of [...all, ...all]) {
        if (from === whole.length) from = 0
        const end = from + each.length
        expect(textOf(whole, from, end)).toBe(whole.toString("utf8", from, end))
        from = end
      }
    }),
  )
})
