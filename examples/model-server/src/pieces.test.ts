import * as fc from "fast-check"
import { expect, test } from "vitest"
import { slicesOf, wordsOf } from "./pieces.ts"

test("pieces joined are the text", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.stringMatching(/^[a \n]*$/), (text, spaces) => {
      for (const whole of [text, spaces, text + spaces]) {
        expect(wordsOf(whole).join("")).toBe(whole)
        expect(slicesOf(whole).join("")).toBe(whole)
      }
    }),
  )
})
