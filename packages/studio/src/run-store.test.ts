import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { utf8 } from "@amc/core"
import { expect, test } from "vitest"
import { listRuns, loadRun, saveRun, type StoredRun } from "./run-store.ts"
import { temporaryFolder } from "./workspace.fixture.ts"

const id = (n: number): string => `run-0190000${n}-0000-7000-8000-000000000000`
const unknown = expect.objectContaining({ code: "run/unknown" })

function runOf(runId: string): StoredRun {
  return { runId, report: utf8("{}"), seal: utf8("seal"), checkpoint: "origin\n1\n" }
}

test("a run comes back as it was saved, for this user alone", () => {
  const dir = temporaryFolder()
  saveRun(dir, runOf(id(1)))
  expect(loadRun(dir, id(1))).toEqual(runOf(id(1)))
  const folder = join(dir, "runs", id(1))
  expect(statSync(folder).mode & 0o777).toBe(0o700)
  for (const name of readdirSync(folder))
    expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600)
})

test("lists runs by their time and nothing that is no run", () => {
  const dir = temporaryFolder()
  expect(listRuns(dir)).toEqual([])
  for (const n of [3, 1, 2]) saveRun(dir, runOf(id(n)))
  mkdirSync(join(dir, "runs", `${id(4)}.tmp`))
  writeFileSync(join(dir, "runs", `${id(1)}.amcbundle`), "")
  expect(listRuns(dir)).toEqual([id(1), id(2), id(3)])
})

test.each([
  "",
  ".",
  "..",
  "../secret",
  "run-..",
  `run-${"../".repeat(12)}`,
  `${id(1)}/../${id(1)}`,
  `${id(1)}/`,
  `${id(1)}\n`,
  `${id(1)}\0`,
  id(1).toUpperCase(),
])("an id can't lead out of the folder: %j", (runId) => {
  const dir = temporaryFolder()
  saveRun(dir, runOf(id(1)))
  mkdirSync(join(dir, "secret"))
  expect(() => loadRun(dir, runId)).toThrow(unknown)
})

test("a run that is not there is unknown", () => {
  expect(() => loadRun(temporaryFolder(), id(1))).toThrow(unknown)
})

test.each(["report.json", "seal.dsse.json", "checkpoint"])(
  "a run without its %s is refused",
  (name) => {
    const dir = temporaryFolder()
    saveRun(dir, runOf(id(1)))
    rmSync(join(dir, "runs", id(1), name))
    expect(() => loadRun(dir, id(1))).toThrow(unknown)
  },
)

test("a save that broke off leaves no run, and the next one is whole", () => {
  const dir = temporaryFolder()
  mkdirSync(join(dir, "runs", `${id(1)}.tmp`), { recursive: true })
  writeFileSync(join(dir, "runs", `${id(1)}.tmp`, "report.json"), "half")
  expect(() => loadRun(dir, id(1))).toThrow(unknown)
  saveRun(dir, runOf(id(1)))
  expect(loadRun(dir, id(1))).toEqual(runOf(id(1)))
  expect(readdirSync(join(dir, "runs"))).toEqual([id(1)])
})

test("a run is never written over", () => {
  const dir = temporaryFolder()
  saveRun(dir, runOf(id(1)))
  expect(() => saveRun(dir, { ...runOf(id(1)), report: utf8("[]") })).toThrow(
    expect.objectContaining({ code: "workspace/unwritable" }),
  )
  expect(loadRun(dir, id(1))).toEqual(runOf(id(1)))
})
