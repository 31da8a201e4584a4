import assert from "node:assert/strict"
import { test } from "node:test"
import { toCents } from "../src/cents.ts"

test("whole amounts are multiplied by a hundred", () => {
  assert.equal(toCents("12"), 1200)
})

test("one decimal counts tens of cents", () => {
  assert.equal(toCents("0.5"), 50)
})

test("no cent is lost", () => {
  assert.deepEqual(["0.29", "1.005", "-1.005"].map(toCents), [29, 101, -101])
})
