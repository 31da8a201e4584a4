import * as fc from "fast-check"
import { SecretScanner } from "@amc/gateway"
import { expect, test } from "vitest"
import { LeaseMask, maskedText } from "./lease-mask.ts"

const lease = `amc-lease-${"aB3_-".repeat(8)}xyz`
const hidden = `amc-lease-${"*".repeat(43)}`

test("masks every lease wherever the bytes are cut, and nothing else", () => {
  const part = fc.oneof(
    fc.constant(lease),
    fc.constant("amc-lease-"),
    fc.constantFrom(" ", "amc-", "é", '"'),
    fc.string({ maxLength: 300 }),
  )
  fc.assert(
    fc.property(
      fc.array(part, { maxLength: 8 }),
      fc.integer({ min: 1, max: 200 }),
      (parts, cut) => {
        const text = parts.map((each) => `${each} `).join("")
        const bytes = Buffer.from(text)
        const mask = new LeaseMask()
        const pieces: Uint8Array[] = []
        for (let at = 0; at < bytes.length; at += cut)
          pieces.push(mask.push(bytes.subarray(at, at + cut)))
        const whole = Buffer.concat([...pieces, mask.end()])
        expect(whole.toString()).toBe(
          bytes
            .toString()
            .replaceAll(/(?<=amc-lease-)[\w-]{1,128}/gu, (token) => "*".repeat(token.length)),
        )
        expect(whole.length).toBe(bytes.length)
      },
    ),
    { numRuns: 500 },
  )
})

test("a text loses its leases and the keys that are known", () => {
  const secrets = new SecretScanner([Buffer.from("sk-very-secret")])
  expect(maskedText(`${lease} sk-very-secret ok`, secrets)).toBe(`${hidden} ${"*".repeat(14)} ok`)
})
