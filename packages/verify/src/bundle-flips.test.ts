import {
  bundleManifestPath,
  bundleManifestSignaturePath,
  bundleSumsPath,
  bundleSumsSignaturePath,
  equalBytes,
} from "@amc/core"
import { readArchive } from "@amc/bundle"
import * as fc from "fast-check"
import { expect, test } from "vitest"
import { bundleOf, makeRun, partsOf } from "./bundle.fixture.ts"
import { verifyBundle } from "./bundle.ts"

const run = makeRun(undefined, 1)
const bundle = await bundleOf(partsOf(run), run.world)
const policy = { rootSha256: run.world.rootSha256, atMs: 0 }

async function isRefusedWith(bit: number): Promise<boolean> {
  const changed = Uint8Array.from(bundle)
  changed[bit >> 3]! ^= 1 << (bit & 7)
  return !(await verifyBundle(changed, policy)).accepted
}

function placeOf(file: Uint8Array): number {
  for (let at = 0; at < bundle.length; at += 512)
    if (equalBytes(bundle.subarray(at, at + file.length), file)) return at
  throw new Error("the file is not in the bundle")
}

test("is accepted unchanged", async () => {
  expect((await verifyBundle(bundle, policy)).accepted).toBe(true)
})

test.each([
  { path: bundleManifestPath, step: 1 },
  { path: bundleManifestSignaturePath, step: 1 },
  { path: bundleSumsPath, step: 3 },
  { path: bundleSumsSignaturePath, step: 1 },
])(
  "no byte of $path can change unnoticed, looked at each $step",
  { timeout: 300_000 },
  async ({ path, step }) => {
    const file = (await readArchive(bundle)).get(path)!
    const start = placeOf(file)
    for (let at = 0; at < file.length; at += step)
      expect(await isRefusedWith((start + at) * 8 + (at % 8)), `byte ${at}`).toBe(true)
  },
)

test("no bit of a bundle can change unnoticed", { timeout: 300_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(bundle.length * 8 - 1), async (bit) => {
      expect(await isRefusedWith(bit)).toBe(true)
    }),
    { numRuns: 5000 },
  )
})
