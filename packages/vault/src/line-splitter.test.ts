import { concatBytes, text, utf8 } from "@amc/core"
import * as fc from "fast-check"
import { expect, test } from "vitest"
import { LineSplitter } from "./line-splitter.ts"

test("finds the same lines however the stream is cut", () => {
  const line = fc.stringMatching(/^[a-z]{0,6}$/u)
  fc.assert(
    fc.property(fc.array(line), fc.array(fc.nat(12)), (lines, cuts) => {
      const [splitter, found] = [new LineSplitter(6), [] as string[]]
      let rest = utf8(lines.map((it) => `${it}\n`).join(""))
      for (const cut of [...cuts, rest.length]) {
        found.push(
          ...(splitter.push(rest.subarray(0, cut)) ?? ["too long"]).map((it) =>
            typeof it === "string" ? it : text(it),
          ),
        )
        rest = rest.subarray(cut)
      }
      expect(found).toEqual(lines)
    }),
  )
})

test("gives up on a line over the bound, complete or not", () => {
  expect(new LineSplitter(3).push(utf8("abcd"))).toBeNull()
  expect(new LineSplitter(3).push(utf8("ab\nabcd\n"))).toBeNull()
  expect(new LineSplitter(3).push(utf8("abc\nabc"))).toHaveLength(1)
  const splitter = new LineSplitter(3)
  expect(splitter.push(concatBytes(utf8("ab")))).toEqual([])
  expect(splitter.push(utf8("cd"))).toBeNull()
})
