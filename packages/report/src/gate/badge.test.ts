import * as fc from "fast-check"
import { expect, test } from "vitest"
import { hostileTexts } from "../hostile.fixture.ts"
import { type Badge, badgeSvg } from "../index.ts"

const badge: Badge = {
  level: 2,
  trustLabel: "LOW TRUST",
  issuedMs: 1_780_000_000_000,
  agent: "coder",
}

test.each([
  { file: "badge.svg", badge },
  { file: "badge-high.svg", badge: { ...badge, trustLabel: "HIGH TRUST" as const } },
  { file: "badge-not-valid.svg", badge: { ...badge, level: null, trustLabel: null } },
])("B4 $file is the golden one, byte for byte", async ({ file, badge }) => {
  await expect(badgeSvg(badge)).toMatchFileSnapshot(`../../../../spec/vectors/gate/${file}`)
})

test("a badge says level, label and day in words, also for those who don't see it", () => {
  const svg = badgeSvg(badge)
  expect(svg).toContain('role="img" aria-labelledby="amc-badge"')
  expect(svg).toContain(">coder: AMC level 2, LOW TRUST, 2026-05-28</title>")
})

test("no name adds a tag, an attribute or anything that is loaded", () => {
  const shape = (svg: string): readonly string[] =>
    (svg.match(/<[^>]*>/gu) ?? []).map((tag) => tag.replaceAll(/="[^"]*"/gu, ""))
  fc.assert(
    fc.property(
      fc.oneof(fc.constantFrom(...hostileTexts), fc.string({ unit: "binary", maxLength: 60 })),
      (agent) => {
        expect(shape(badgeSvg({ ...badge, agent }))).toEqual(shape(badgeSvg(badge)))
      },
    ),
  )
})
