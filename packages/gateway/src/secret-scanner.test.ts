import * as fc from "fast-check"
import { expect, test } from "vitest"
import { SecretScanner } from "./secret-scanner.ts"

const secret = Buffer.from("amc-lease-Zm9vYmFyYmF6~?>")
const scanner = new SecretScanner([secret])

test.each([
  { form: "as it is", text: secret.toString() },
  { form: "in hex", text: secret.toString("hex") },
  { form: "in upper-case hex", text: secret.toString("hex").toUpperCase() },
  ...[0, 1, 2].map((offset) => ({
    form: `in base64 behind ${offset} bytes`,
    text: Buffer.from(`${"#".repeat(offset)}${secret}#`).toString("base64"),
  })),
  { form: "in base64url", text: Buffer.from(`Bearer ${secret}`).toString("base64url") },
])("finds a secret $form once, and leaves nothing of it that can be read", ({ text }) => {
  const bytes = Buffer.from(`{"a":"${text}"}`)
  expect(scanner.count(bytes)).toBe(1)
  const redacted = scanner.redact(bytes)
  expect(redacted).toHaveLength(bytes.length)
  expect(scanner.count(redacted)).toBe(0)
  expect(Buffer.from(redacted).toString()).toMatch(/^\{"a":".{0,12}\*{20,}.{0,4}"\}$/)
})

test("gives the same array when there is nothing to redact", () => {
  const bytes = Buffer.from("nothing here")
  expect(scanner.redact(bytes)).toBe(bytes)
})

test("does not look for a secret that is shorter than 8 bytes", () => {
  expect(new SecretScanner([Buffer.from("ollama")]).count(Buffer.from("ollama"))).toBe(0)
})

test("a scanner with more secrets still knows its own", () => {
  const both = scanner.with(Buffer.from("sk-another-key"))
  expect(both.count(Buffer.from(`${secret} sk-another-key`))).toBe(2)
  expect(scanner.count(Buffer.from("sk-another-key"))).toBe(0)
})

test("pieces of any size give what the whole gives", () => {
  const part = fc.oneof(
    fc.constantFrom(secret.toString(), secret.toString("hex"), secret.toString("base64")),
    fc.string({ maxLength: 20 }),
  )
  fc.assert(
    fc.property(fc.array(part), fc.array(fc.integer({ min: 1, max: 40 })), (parts, cuts) => {
      const whole = Buffer.from(parts.join(""))
      const stream = scanner.stream()
      const out: Uint8Array[] = []
      let at = 0
      for (const cut of cuts) out.push(stream.push(whole.subarray(at, (at += cut))))
      out.push(stream.push(whole.subarray(at)), stream.end())
      expect(Buffer.concat(out).equals(Buffer.from(scanner.redact(whole)))).toBe(true)
      expect(stream.found).toBe(scanner.count(whole))
    }),
  )
})
