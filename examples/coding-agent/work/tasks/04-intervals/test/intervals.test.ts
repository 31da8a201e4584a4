import assert from "node:assert/strict"
import { test } from "node:test"
import { type Interval, mergeIntervals } from "../src/intervals.ts"

test("spans apart stay apart", () => {
  const apart: Interval[] = [
    [0, 10],
    [20, 30],
  ]
  assert.deepEqual(mergeIntervals(apart), apart)
})

test("spans that touch become one", () => {
  assert.deepEqual(
    mergeIntervals([
      [10, 20],
      [20, 30],
    ]),
    [[10, 30]],
  )
})

test("order does not matter, and a short span inside a long one is swallowed", () => {
  assert.deepEqual(
    mergeIntervals([
      [50, 60],
      [0, 40],
      [5, 10],
    ]),
    [
      [0, 40],
      [50, 60],
    ],
  )
})
