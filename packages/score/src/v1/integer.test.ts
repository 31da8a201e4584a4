import { expect, test } from "vitest"
import { daysAfter, decimal, quotient } from "./integer.ts"

test.each([
  { dividend: 10, divisor: 4, text: "2.50" },
  { dividend: -10, divisor: 4, text: "-2.50" },
  { dividend: 1, divisor: 3, text: "0.33" },
  { dividend: -1, divisor: 300, text: "0.00" },
  { dividend: 34, divisor: 7, text: "4.85" },
])("writes $dividend over $divisor as $text", ({ dividend, divisor, text }) => {
  expect(decimal(dividend, divisor)).toBe(text)
})

test("divides the largest integers without a fraction", () => {
  expect(quotient(Number.MAX_SAFE_INTEGER, 2)).toBe(4503599627370495)
})

test("a time beyond what can be written stays the last one", () => {
  expect(daysAfter(Number.MAX_SAFE_INTEGER, 14)).toBe(Number.MAX_SAFE_INTEGER)
})
