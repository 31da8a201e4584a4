import { execFileSync } from "node:child_process"
import { array, assert, property, string } from "fast-check"
import { expect, test } from "vitest"
import { shellWord } from "./shell-word.ts"

test("what needs no quotes has none", () => {
  expect(shellWord("/a/b-c_1.amcbundle")).toBe("/a/b-c_1.amcbundle")
  expect(shellWord("/a b")).toBe("'/a b'")
})

test("a shell reads back what was quoted", () => {
  const word = string({ maxLength: 20 }).filter((text) => !/[\0\r\n]/.test(text))
  assert(
    property(array(word, { minLength: 1, maxLength: 8 }), (words) => {
      const script = `printf '%s\\n' ${words.map(shellWord).join(" ")}`
      expect(execFileSync("sh", ["-c", script], { encoding: "utf8" })).toBe(`${words.join("\n")}\n`)
    }),
    { numRuns: 40 },
  )
})
