import { expect, test } from "vitest"
import { judgeTrustLabel, type WitnessedTime } from "./trust-label.ts"

const hour = 3_600_000
const at = 1_780_000_000_000
const timely: WitnessedTime = { sinceMs: at, fromMs: at - 24 * hour, toMs: at + hour / 12 }

test.each([
  { sealed: "HIGH TRUST", judged: "LOW TRUST" },
  { sealed: "LOW TRUST", judged: "LOW TRUST" },
  { sealed: "UNRELIABLE", judged: "UNRELIABLE" },
] as const)("calls $judged what was sealed as $sealed and nobody witnessed", (each) => {
  expect(judgeTrustLabel(each.sealed, null)).toBe(each.judged)
})

test.each([
  { why: "was witnessed within a day", change: {}, judged: "HIGH TRUST" },
  { why: "starts over a day before", change: { fromMs: at - 24 * hour - 1 }, judged: "LOW TRUST" },
  {
    why: "claims to be from after it was witnessed",
    change: { toMs: at + hour / 12 + 1 },
    judged: "LOW TRUST",
  },
])("calls $judged what $why", ({ change, judged }) => {
  expect(judgeTrustLabel("HIGH TRUST", { ...timely, ...change })).toBe(judged)
})

test("witnesses raise nothing above the sealed label", () => {
  for (const sealed of ["LOW TRUST", "UNRELIABLE"] as const)
    expect(judgeTrustLabel(sealed, timely)).toBe(sealed)
})
