import { expect, test } from "vitest"
import { retryAfterMs } from "./retry-after.ts"

test.each([
  { why: "none", raw: [], ms: -1 },
  { why: "seconds", raw: ["Retry-After", "3"], ms: 3000 },
  {
    why: "milliseconds, which are exact",
    raw: ["retry-after", "3", "Retry-After-Ms", "250"],
    ms: 250,
  },
  { why: "a date", raw: ["retry-after", "Thu, 01 Jan 1970 00:01:00 GMT"], ms: 50_000 },
  { why: "a date that has passed", raw: ["retry-after", "Thu, 01 Jan 1970 00:00:01 GMT"], ms: 0 },
  { why: "nonsense", raw: ["retry-after", "-1.5.x"], ms: -1 },
  { why: "more than a number holds", raw: ["retry-after", "9".repeat(40)], ms: -1 },
])("reads $why", ({ raw, ms }) => {
  expect(retryAfterMs(raw, 10_000)).toBe(ms)
})
