import { rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { readTrustFiles } from "@amc/vault"
import { expect, onTestFinished, test } from "vitest"
import { recallTrust, rememberedRootsOf, rememberTrust } from "./verifier-memory.ts"
import { newPlace } from "./workspace.fixture.ts"

test("after years of checkpoints the oldest is still known, and no gap is much larger than the others", async () => {
  const { top, workspace: place } = await newPlace()
  onTestFinished(() => rmSync(top, { recursive: true }))
  const { dir, state, rootSha256 } = place
  const { roots, revocations } = readTrustFiles(dir)
  const pins = Array.from({ length: 3000 }, (_, n) => ({
    size: n + 1,
    root_sha256: "ab".repeat(32),
    seen_ms: n * 60_000,
  }))
  for (let from = 0; from < pins.length; from += 500)
    rememberTrust(state, {
      rootSha256,
      roots,
      revocations,
      pins: pins.slice(from, from + 500),
    })
  const kept = recallTrust(state, rootSha256)?.pins ?? []
  expect(kept).toHaveLength(1000)
  expect([kept[0]?.size, kept.at(-1)?.size]).toEqual([1, 3000])
  const gaps = kept.slice(1).map(({ seen_ms }, at) => seen_ms - (kept[at]?.seen_ms ?? 0))
  expect(Math.max(...gaps)).toBeLessThanOrEqual(8 * 60_000)
})

test("a memory that can't be read hides no other", async () => {
  const { top, workspace: place } = await newPlace()
  onTestFinished(() => rmSync(top, { recursive: true }))
  const { dir, state, rootSha256, workspace } = place
  rememberTrust(state, { rootSha256, ...readTrustFiles(dir), pins: [] })
  writeFileSync(join(state.dir, "trust", `${"0".repeat(64)}.json`), "{")
  expect(rememberedRootsOf(state, workspace)).toEqual([rootSha256])
  expect(() => recallTrust(state, "0".repeat(64))).toThrow("can't be read")
})
