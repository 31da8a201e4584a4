import { expect, test } from "vitest"
import { byText, daysAfter, daysBefore, dayOf, dayStart, decimal, quotient } from "./integer.ts"

test.each([
  { dividend: 10, divisor: 4, text: "2.50" },
  { dividend: -10, divisor: 4, text: "-2.50" },
  { dividend: 1, divisor: 3, text: "0.33" },
  { dividend: -1, divisor: 300, text: "0.00" },
  { dividend: -1, divisor: 100, text: "-0.01" },
  { dividend: 0, divisor: 7, text: "0.00" },
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

test("goes back and forth in days, never before the first moment", () => {
  const day = 86_400_000
  expect([daysBefore(10 * day, 2), daysBefore(day, 2), daysBefore(2 * day, 2)]).toEqual([
    8 * day,
    0,
    0,
  ])
  expect([daysAfter(day, 2), dayStart(3)]).toEqual([3 * day, 3 * day])
  expect([0, day - 1, day, 2 * day - 1].map(dayOf)).toEqual([0, 0, 1, 1])
  expect(dayStart(Number.MAX_SAFE_INTEGER)).toBe(Number.MAX_SAFE_INTEGER)
})

test("orders texts by their code units", () => {
  expect([byText("a", "b"), byText("b", "a"), byText("a", "a"), byText("Z", "a")]).toEqual([
    -1, 1, 0, -1,
  ])
})
