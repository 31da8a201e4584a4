import assert from "node:assert/strict"
import { test } from "node:test"
import { paginate } from "../src/paginate.ts"

test("full pages are counted", () => {
  assert.deepEqual(paginate(["a", "b", "c", "d"], 2, 2), { items: ["c", "d"], page: 2, pages: 2 })
})

test("an empty list has one empty page", () => {
  assert.deepEqual(paginate([], 1, 10), { items: [], page: 1, pages: 1 })
})

test("a last page that is not full can be opened", () => {
  assert.deepEqual(paginate([1, 2, 3, 4, 5], 3, 2), { items: [5], page: 3, pages: 3 })
})
