import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { temporaryFolder } from "./folder.fixture.ts"
import {
  clearFailures,
  countFailure,
  failureState,
  forgetRecorded,
  requireNoBackOff,
  unrecordedFailures,
} from "./unlock-failures.ts"

function newPath(): string {
  return join(temporaryFolder(), "unlock-failures.json")
}

test("nothing is known and nothing is written before the first wrong passphrase", async () => {
  const path = newPath()
  requireNoBackOff(path, "root", 0)
  await clearFailures(path, ["root"])
  await forgetRecorded(path, [])
  expect(unrecordedFailures(path)).toEqual([])
  expect(existsSync(path)).toBe(false)
})

test("a right passphrase forgives its own slot, and what the ledger has to be told stays", async () => {
  const path = newPath()
  for (const now of [1, 2, 3, 4]) await countFailure(path, "monitor", now)
  await countFailure(path, "root", 5)
  await clearFailures(path, ["monitor"])
  expect(failureState(path, "monitor", 5)).toEqual({ count: 0, waitMs: 0 })
  expect(failureState(path, "root", 5)).toEqual({ count: 1, waitMs: 0 })
  expect(unrecordedFailures(path).map(({ slot, at_ms, count }) => [slot, at_ms, count])).toEqual([
    ["monitor", 1, 1],
    ["monitor", 2, 2],
    ["monitor", 3, 3],
    ["monitor", 4, 4],
    ["root", 5, 1],
  ])
})

test("only what was recorded is forgotten, and the back-off goes on", async () => {
  const path = newPath()
  for (const now of [1, 2, 3]) await countFailure(path, "monitor", now)
  const recorded = unrecordedFailures(path)
  await countFailure(path, "monitor", 4)
  await forgetRecorded(path, recorded)
  expect(unrecordedFailures(path)).toEqual([{ slot: "monitor", at_ms: 4, count: 4 }])
  expect(failureState(path, "monitor", 4)).toEqual({ count: 4, waitMs: 2000 })
})

test("the refusal says for how many seconds, and a clock that was set back ends the wait", async () => {
  const path = newPath()
  for (let tries = 0; tries < 5; tries++) await countFailure(path, "auditor", 10_000)
  expect(() => requireNoBackOff(path, "auditor", 10_500)).toThrow(
    expect.objectContaining({
      code: "vault/backing-off",
      message: "after 5 wrong passphrases in a row, the slot auditor takes the next in 4 s",
    }),
  )
  requireNoBackOff(path, "auditor", 14_000)
  requireNoBackOff(path, "auditor", 9_999)
})

test("what waits for the ledger is bounded; the last entry's count stands for those between", async () => {
  const path = newPath()
  const entry = (count: number): object => ({ slot: "monitor", at_ms: 1, count })
  const unrecorded = Array.from({ length: 256 }, (_, at) => entry(at + 1))
  const file = { in_a_row: [entry(256)], schema: "amc.unlock-failures/v1", unrecorded }
  const text = JSON.stringify(file, (_, value: unknown) =>
    typeof value === "object" && value !== null && "slot" in value
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  )
  writeFileSync(path, `${text}\n`, { mode: 0o600 })
  await countFailure(path, "monitor", 2)
  expect(unrecordedFailures(path)).toHaveLength(256)
  expect(unrecordedFailures(path).at(-1)).toEqual({ slot: "monitor", at_ms: 2, count: 257 })
})

test("of many that fail at once each is counted", async () => {
  const path = newPath()
  await Promise.all(Array.from({ length: 20 }, () => countFailure(path, "monitor", 7)))
  expect(failureState(path, "monitor", 7).count).toBe(20)
  expect(statSync(path).mode & 0o777).toBe(0o600)
})

test.each<{ why: string; harm: (path: string) => void; code: string }>([
  { why: "that is no list", harm: (path) => writeFileSync(path, "{}\n"), code: "input/malformed" },
  {
    why: "that is cut",
    harm: (path) => writeFileSync(path, readFileSync(path).subarray(0, 20)),
    code: "input/malformed",
  },
  {
    why: "that others may read",
    harm: (path) => chmodSync(path, 0o644),
    code: "vault/unsafe-file",
  },
])("a file $why stops every try", async ({ harm, code }) => {
  const path = newPath()
  await countFailure(path, "monitor", 1)
  harm(path)
  expect(() => requireNoBackOff(path, "monitor", 99)).toThrow(expect.objectContaining({ code }))
})
