import { readFileSync } from "node:fs"
import { join } from "node:path"
import { onTestFinished, expect, test } from "vitest"
import { amcJson, clone } from "./testing/amc.ts"
import { makePlace } from "./testing/place.ts"

const folder = join(clone, "e2e/golden/certificate-v1")
const { root, certificate, run_id, at } = JSON.parse(
  readFileSync(join(folder, "expected.json"), "utf8"),
) as Readonly<Record<string, string>>

test("B4: a certificate of the first version verifies for ever, as of when it was valid", async () => {
  const place = makePlace()
  onTestFinished(() => place.remove())
  const words = ["cert", "verify", join(folder, "golden.amccert"), "--root", root!, "--at"]
  expect(await amcJson(place, [...words, at!])).toMatchObject({
    exit: 0,
    data: { certificate, run: { agent: "golden", run_id } },
  })
  expect(await amcJson(place, [...words, "2099-01-01"])).toMatchObject({ exit: 1, ok: false })
})
