import assert from "node:assert/strict"
import { test } from "node:test"
import { slugify } from "../src/slug.ts"

test("words are joined with hyphens in lower case", () => {
  assert.equal(slugify("Hello, big World!"), "hello-big-world")
})

test("digits stay", () => {
  assert.equal(slugify("Top 10 of 2024"), "top-10-of-2024")
})

test("accents are dropped and their letters stay", () => {
  assert.equal(slugify("Crème brûlée"), "creme-brulee")
})
