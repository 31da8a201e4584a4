import { expect, test } from "vitest"
import { judgeTrustLabel } from "./trust-label.ts"

test.each([
  { sealed: "HIGH TRUST", judged: "LOW TRUST" },
  { sealed: "LOW TRUST", judged: "LOW TRUST" },
  { sealed: "UNRELIABLE", judged: "UNRELIABLE" },
] as const)("calls $judged what was sealed as $sealed", ({ sealed, judged }) => {
  expect(judgeTrustLabel(sealed)).toBe(judged)
})
