import { text, utf8 } from "@amc/core"
import { assert, property, uint8Array } from "fast-check"
import { expect, test } from "vitest"
import { encodeLoan, openLoan } from "./loan.ts"
import { encodeAnswer } from "./notary-line.ts"
import { WrongPassphrase } from "./wrong-passphrase.ts"

test("a loan of any bytes comes back as it was", () => {
  assert(
    property(uint8Array({ minLength: 1, maxLength: 1024 }), (passphrase) => {
      expect(openLoan(encodeLoan(passphrase))).toEqual(passphrase)
    }),
  )
})

test("is canonical JSON on the line", () => {
  expect(text(encodeLoan(Uint8Array.of(0, 255, 10)))).toBe('{"lent":"00ff0a"}')
})

test.each([
  { why: "another result", line: encodeAnswer(utf8("x")), code: "input/malformed" },
  {
    why: "a refusal",
    line: encodeAnswer(new WrongPassphrase("root")),
    code: "vault/wrong-passphrase",
  },
  { why: "other digits", line: utf8('{"lent":"0G"}'), code: "input/malformed" },
  { why: "half a byte", line: utf8('{"lent":"00f"}'), code: "input/malformed" },
  { why: "another end", line: utf8('{"lent":"00"]'), code: "input/malformed" },
  { why: "nothing", line: new Uint8Array(), code: "input/malformed" },
])("$why is no loan", ({ line, code }) => {
  expect(() => openLoan(line)).toThrow(expect.objectContaining({ code }))
})
