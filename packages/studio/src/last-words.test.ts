import { utf8 } from "@amc/core"
import { SecretScanner } from "@amc/gateway"
import { expect, test } from "vitest"
import { LastWords } from "./last-words.ts"

const none = new SecretScanner([])

test("keeps the end of what was said, however it came and however much it was", () => {
  const words = new LastWords()
  expect(words.read(none)).toBe("")
  words.take(utf8("x".repeat(100_000)))
  for (const piece of ["the ", "end\n"]) words.take(utf8(piece))
  const said = words.read(none)
  expect(said.endsWith("xthe end")).toBe(true)
  expect(said.length).toBeLessThanOrEqual(600)
})

test("shows no known secret, not even the end of one", () => {
  const secret = "sk-very-secret-value"
  const words = new LastWords()
  words.take(utf8(`key ${secret} refused`))
  const scanner = new SecretScanner([utf8(secret)])
  expect(words.read(scanner)).toBe(`key ${"*".repeat(secret.length)} refused`)
  words.take(utf8("y".repeat(600 - " refused".length - 5)))
  expect(words.read(scanner)).not.toContain("value")
})
