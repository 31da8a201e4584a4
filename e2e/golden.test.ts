import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { sha256Hex } from "@amc/core"
import { afterAll, beforeAll, expect, test } from "vitest"
import { amcJson, clone, run } from "./testing/amc.ts"
import { makePlace, type Place } from "./testing/place.ts"

const folder = join(clone, "e2e/golden")

/** What was made once by the program of its time (`e2e/golden-main.ts`), and what that said of it. */
const { root, at, files, said } = JSON.parse(readFileSync(join(folder, "golden.json"), "utf8")) as {
  readonly root: string
  readonly at: string
  readonly files: Readonly<Record<string, string>>
  readonly said: Readonly<Record<string, { readonly run_id: string }>>
}
const known = ["--root", root, "--at", at]
const path = (name: string): string => join(folder, name)

/** A verifier who knows nobody. */
let place: Place
beforeAll(() => {
  place = makePlace()
})
afterAll(() => place?.remove())

test("every golden file is the one that it was", () => {
  const names = readdirSync(folder).filter((name) => !/^(?:README\.md|golden\.json)$/u.test(name))
  expect(
    Object.fromEntries(names.map((name) => [name, sha256Hex(readFileSync(path(name)))])),
  ).toEqual(files)
})

test.each(Object.entries(said))("%s is still accepted, and says what it said", async (name, of) => {
  const { exit, data } = await amcJson(place, ["bundle", "verify", path(name), ...known])
  expect(exit).toBe(0)
  const { run_id, events, trust_label, payloads, report } = data
  expect({ run_id, events, trust_label, payloads, overall: report.overall }).toEqual(of)
  const program = join(clone, "packages/verifier/bin/amc-verify.js")
  const words = [process.execPath, program, path(name), ...known, "--no-memory"]
  const alone = await run(words, { cwd: place.top, env: place.env })
  expect([alone.exit, alone.stderr]).toEqual([0, ""])
})

test("an older bundle and the proof between the trees are still accepted by who saw the newer one", async () => {
  const fresh = makePlace()
  const verify = (name: string, ...more: readonly string[]): ReturnType<typeof amcJson> =>
    amcJson(fresh, ["bundle", "verify", path(name), ...known, ...more])
  expect((await verify("second.amcbundle")).exit).toBe(0)
  expect((await verify("first.amcbundle", "--proof", path("trees.proof"))).exit).toBe(0)
  fresh.remove()
})

test("B4: the certificate verifies for ever, as of when it was valid, and not after", async () => {
  const words = ["cert", "verify", path("second.amccert"), "--root", root, "--at"]
  const held = await amcJson(place, [...words, at, "--bundle", path("second.amcbundle")])
  const { run_id } = said["second.amcbundle"]!
  expect(held).toMatchObject({ exit: 0, data: { run: { agent: "a", run_id } } })
  expect(await amcJson(place, [...words, "2099-01-01"])).toMatchObject({ exit: 1, ok: false })
})

test("the proof of an event is still accepted", async () => {
  const words = ["ledger", "verify-proof", path("event-3.tlog-proof"), ...known]
  expect(await amcJson(place, words)).toMatchObject({ exit: 0, data: { index: 3 } })
})
