import * as fc from "fast-check"
import { expect, test } from "vitest"
import { printable } from "./printable.ts"

test.each([
  { why: "an escape sequence", text: "a\u001B[2Jb", shown: "a\\u{1b}[2Jb" },
  { why: "a C1 control sequence", text: "a\u009B2Jb", shown: "a\\u{9b}2Jb" },
  { why: "a carriage return", text: "good\rbad", shown: "good\\u{d}bad" },
  { why: "a line end", text: "one\ntwo", shown: "one\\u{a}two" },
  { why: "a backspace", text: "a\bb", shown: "a\\u{8}b" },
  { why: "a delete", text: "a\u007Fb", shown: "a\\u{7f}b" },
  { why: "a NUL", text: "a\0b", shown: "a\\u{0}b" },
  { why: "a right-to-left override", text: "exe.\u202Etxt", shown: "exe.\\u{202e}txt" },
  { why: "an isolate", text: "\u2066a\u2069", shown: "\\u{2066}a\\u{2069}" },
  { why: "a zero-width space", text: "a\u200Bb", shown: "a\\u{200b}b" },
  { why: "a byte order mark", text: "\uFEFFa", shown: "\\u{feff}a" },
  { why: "a line separator", text: "a\u2028b\u2029c", shown: "a\\u{2028}b\\u{2029}c" },
  { why: "a tag character", text: "a\u{E0041}b", shown: "a\\u{e0041}b" },
  { why: "half a surrogate pair", text: "a\uD800b", shown: "a\\u{d800}b" },
])("shows $why as an escape", ({ text, shown }) => {
  expect(printable(text)).toBe(shown)
})

test("leaves ordinary text as it is, in any script", () => {
  for (const text of ["", "agent-1", "größer, 日本語, עברית, 🙂", "C:\\u{41}"])
    expect(printable(text)).toBe(text)
})

test("nothing that can steer a terminal comes through", () => {
  const hostile = fc.oneof(
    fc.string({ unit: fc.nat(0x10ffff).map((point) => String.fromCodePoint(point)) }),
    fc.string({ unit: fc.nat(0xffff).map((unit) => String.fromCharCode(unit)) }),
    fc.string({ unit: fc.constantFrom("\u001B", "\u009B", "\u202E", "\uDC00", "\r", "a", "]") }),
  )
  fc.assert(
    fc.property(hostile, (text) => {
      const shown = printable(text)
      expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u)
      expect(printable(shown)).toBe(shown)
    }),
  )
})
