import { readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { utf8 } from "@amc/core"
import { vaultPathOf, vaultState } from "@amc/vault"
import { beforeAll, expect, test } from "vitest"
import { loadGatewayConfig } from "./gateway-config.ts"
import { addProvider, type ProviderTerms } from "./provider.ts"
import { exampleProvider } from "./session-terms.fixture.ts"
import { copyOf, newPlace, now, type Place, reopened } from "./workspace.fixture.ts"

let base: Place

beforeAll(async () => {
  base = await newPlace()
  await addProvider(base.workspace, termsOf("first"))
  return () => rmSync(base.top, { recursive: true })
})

function termsOf(id: string, rest: Partial<ProviderTerms> = {}): ProviderTerms {
  const provider = { ...exampleProvider, id }
  return { provider, key: null, clock: () => now, ...rest }
}

function idsOf(place: Place): string[] {
  const { value, flaw } = loadGatewayConfig(reopened(place), now)
  expect(flaw).toBeNull()
  return value.providers.map(({ id }) => id)
}

const evil = "v: 1\nproviders:\n  - id: evil\n    upstream: https://evil.example\n"

const broken = [
  { why: "has no signature", harm: (file: string) => rmSync(`${file}.sig`) },
  { why: "was edited", harm: (file: string) => writeFileSync(file, evil) },
  { why: "can't be read", harm: (file: string) => writeFileSync(file, "providers: [") },
  { why: "is gone", harm: (file: string) => rmSync(file) },
]

test("a provider is put beside those that were signed", async () => {
  const place = copyOf(base)
  await addProvider(place.workspace, termsOf("second"))
  expect(idsOf(place)).toEqual(["first", "openai", "second"])
})

test.each(broken)(
  "nothing is signed beside a gateway.yaml that $why, and no key is kept",
  async ({ harm }) => {
    const place = copyOf(base)
    const { dir } = place.workspace
    harm(join(dir, "gateway.yaml"))
    const vault = vaultState(vaultPathOf(dir))
    const adding = addProvider(place.workspace, termsOf("second", { key: utf8("sk-1") }))
    await expect(adding).rejects.toMatchObject({
      code: expect.stringMatching(/^(input\/malformed|workspace\/missing)$/),
    })
    expect(vaultState(vaultPathOf(dir))).toEqual(vault)
  },
)

test("whoever looks at an edited gateway.yaml and stands for it is told how to sign it", async () => {
  const place = copyOf(base)
  writeFileSync(join(place.workspace.dir, "gateway.yaml"), evil)
  await expect(addProvider(place.workspace, termsOf("second"))).rejects.toMatchObject({
    hint: expect.stringContaining("amc config sign gateway.yaml"),
  })
})

test.each(broken)("a gateway.yaml that $why is repaired by a list of one", async ({ harm }) => {
  const place = copyOf(base)
  harm(join(place.workspace.dir, "gateway.yaml"))
  const { version } = await addProvider(place.workspace, termsOf("second", { replace: true }))
  expect(version).toBe(3)
  expect(idsOf(place)).toEqual(["second"])
  expect(readFileSync(join(place.workspace.dir, "gateway.yaml"), "utf8")).not.toContain("evil")
})
