import assert from "node:assert/strict"
import { test } from "node:test"
import { toCsvRow } from "../src/csv-row.ts"

test("plain fields stay as they are", () => {
  assert.equal(toCsvRow(["a", "", "c d"]), "a,,c d")
})

test("a comma is quoted", () => {
  assert.equal(toCsvRow(["Smith, Jo", "7"]), '"Smith, Jo",7')
})

test("quotes are doubled and line breaks are quoted", () => {
  assert.equal(toCsvRow(['5" pipe', "two\nlines"]), '"5"" pipe","two\nlines"')
})
