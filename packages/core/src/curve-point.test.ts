import { expect, test } from "vitest"
import { concatBytes } from "./bytes.ts"
import { isCanonicalHighOrder, isCanonicalScalar, isOnCurve } from "./curve-point.ts"

const bytesOf = (value: bigint): Uint8Array =>
  Uint8Array.from({ length: 32 }, (_, at) => Number((value >> BigInt(8 * at)) & 0xffn))
const p = 2n ** 255n - 19n
const order = 2n ** 252n + 27742317777372353535851937790883648493n

test.each([
  { why: "zero", value: 0n, canonical: true },
  { why: "the order less one", value: order - 1n, canonical: true },
  { why: "the order", value: order, canonical: false },
  { why: "the order and one", value: order + 1n, canonical: false },
  { why: "the largest number", value: 2n ** 256n - 1n, canonical: false },
])("knows whether $why is a canonical scalar", ({ value, canonical }) => {
  expect(isCanonicalScalar(bytesOf(value))).toBe(canonical)
})

test.each([
  { why: "y = 2", value: 2n, canonical: true },
  { why: "y = p - 2", value: p - 2n, canonical: true },
  { why: "y = p - 2 with the sign bit", value: p - 2n + 2n ** 255n, canonical: true },
  { why: "y = p - 1, of order 2", value: p - 1n, canonical: false },
  { why: "y = p", value: p, canonical: false },
  { why: "y = p + 2", value: p + 2n, canonical: false },
  { why: "y = p + 2 with the sign bit", value: p + 2n + 2n ** 255n, canonical: false },
])("knows whether $why is canonical and of high order", ({ value, canonical }) => {
  expect(isCanonicalHighOrder(bytesOf(value))).toBe(canonical)
})

test("looks at 32 bytes without writing to them", () => {
  const bytes = bytesOf(2n + 2n ** 255n)
  const before = concatBytes(bytes)
  isCanonicalHighOrder(bytes)
  expect(bytes).toEqual(before)
})

test("of y = 2 to 9, these are on the curve", () => {
  const found = [2n, 3n, 4n, 5n, 6n, 7n, 8n, 9n].filter((y) => isOnCurve(bytesOf(y)))
  expect(found).toEqual([3n, 4n, 5n, 6n, 9n])
})
