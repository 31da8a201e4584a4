import { readFileSync } from "node:fs"
import { join } from "node:path"
import { platformEquation, text } from "@amc/core"
import { expect, test } from "vitest"
import { type BundleCases, vectorsFolder } from "./bundle-vectors.fixture.ts"
import { verifyBundle } from "./bundle.ts"
import type { EquationsAhead } from "./signed-commits.ts"

const read = (file: string): Buffer => readFileSync(join(vectorsFolder, file))
const { root_sha256: rootSha256 } = JSON.parse(String(read("cases.json"))) as BundleCases

test.each([
  { file: "valid.amcbundle", why: "each event for itself", isFewer: false },
  { file: "shared-signatures.amcbundle", why: "four events together", isFewer: true },
])(
  "what signs $why is told ahead, once, and is what is asked for later",
  async ({ file, isFewer }) => {
    const [told, asked]: [string[], string[]] = [[], []]
    const equationOf: EquationsAhead = async (signed) => {
      for (const { message } of signed) told.push(text(message))
      return (key, message, signature) => {
        asked.push(text(message))
        return platformEquation(key, message, signature)
      }
    }
    const verdict = await verifyBundle(new Uint8Array(read(file)), {
      rootSha256,
      atMs: 0,
      equationOf,
    })
    if (!verdict.accepted) throw new Error("the vector is not accepted")
    expect(asked).toEqual(told)
    expect(new Set(told).size).toBe(told.length)
    expect(told.length < verdict.value.summary.events).toBe(isFewer)
  },
)
