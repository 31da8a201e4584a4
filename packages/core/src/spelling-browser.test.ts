import * as fc from "fast-check"
import { expect, test } from "vitest"
import * as browser from "./spelling-browser.ts"
import * as node from "./spelling-node.ts"

test("browsers spell bytes as Node does", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const hex = node.spellHex(bytes)
      expect(browser.spellHex(bytes)).toBe(hex)
      expect(browser.spellBase64(bytes)).toBe(node.spellBase64(bytes))
      expect(browser.spellBase64url(bytes)).toBe(node.spellBase64url(bytes))
      for (const { readHex } of [browser, node]) expect(readHex(hex)).toEqual(bytes)
    }),
  )
})
