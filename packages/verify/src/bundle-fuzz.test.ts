import { diceOf } from "@amc/testkit"
import { expect, test } from "vitest"
import { judgeMutant, mutantOf, type Mutant } from "./bundle-fuzz.fixture.ts"

/** The first seeds of `bench/fuzz-bundle.ts`, which goes on from there for as long as it is told to. */
const seeds = Array.from({ length: 200 }, (_, at) => at + 1)

test("bundles that were changed in archive, files and evidence are refused or say the same", async () => {
  const wrong: string[] = []
  for (const seed of seeds) {
    const mutant = await mutantOf(diceOf(seed))
    const fault = mutant && (await judgeMutant(mutant)).fault
    if (fault !== null) wrong.push(`seed ${seed}, ${(mutant as Mutant).kind}: ${fault}`)
  }
  expect(wrong).toEqual([])
}, 120_000)
