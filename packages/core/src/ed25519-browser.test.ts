import { expect, test, vi } from "vitest"
import { accepts, ed25519Vectors } from "./testing/ed25519-vectors.ts"

// What a bundler for browsers does by the conditions of package.json; here it chooses the platform.
vi.mock("#crypto", () => import("./crypto-browser.ts"))

test("S05 a browser decides every public vector as the rule says", () => {
  const wrong = ed25519Vectors.filter((vector) => accepts(vector) !== vector.expected)
  expect(ed25519Vectors).toHaveLength(1065)
  expect(wrong.map(({ file, number }) => ({ file, number }))).toEqual([])
})
