import { readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type ProviderConfig, utf8 } from "@amc/core"
import { beforeAll, expect, test } from "vitest"
import { openCapture } from "./capture.ts"
import { addProvider, chooseProviders, type ProviderKeyState, listProviders } from "./provider.ts"
import { exampleProvider } from "./session-terms.fixture.ts"
import { copyOf, newPlace, now, type Place, reopened } from "./workspace.fixture.ts"

const clock = (): number => now
const key = utf8("sk-very-secret")
const remote: ProviderConfig = {
  ...exampleProvider,
  id: "remote",
  upstream: "https://api.example",
}

let base: Place

beforeAll(async () => {
  base = await newPlace()
  await addProvider(base.workspace, { provider: remote, key, clock })
  return () => rmSync(base.top, { recursive: true })
})

function add(place: Place, provider: ProviderConfig, own: Uint8Array | null): Promise<unknown> {
  return addProvider(reopened(place), { provider, key: own, clock })
}

function edit(place: Place, change: (text: string) => string): void {
  const file = join(place.workspace.dir, "gateway.yaml")
  writeFileSync(file, change(readFileSync(file, "utf8")))
}

/** What a session gets, is warned of and a person is shown of the provider as gateway.yaml has it. */
async function standing(place: Place): Promise<{
  given: Uint8Array | null
  warnings: readonly string[]
  listed: ProviderKeyState | undefined
}> {
  const { config, providers } = await listProviders(reopened(place), now)
  const provider = config.value.providers.find(({ id }) => id === remote.id) as ProviderConfig
  const capture = await openCapture(reopened(place), { clock })
  try {
    return {
      given: await capture.providerKey(provider),
      warnings: (await chooseProviders(capture, [provider.id])).warnings,
      listed: providers.find(({ id }) => id === remote.id)?.key,
    }
  } finally {
    await capture.close()
  }
}

test("a signed provider gets its key, without a warning", async () => {
  expect(await standing(copyOf(base))).toEqual({ given: key, warnings: [], listed: "given" })
})

test.each([
  {
    why: "was edited",
    harm: (place: Place) => edit(place, (text) => text.replace("api.example", "evil.example")),
  },
  {
    why: "has lost its signature",
    harm: ({ workspace: { dir } }: Place) => rmSync(join(dir, "gateway.yaml.sig")),
  },
])("a gateway.yaml that $why gives no key to anybody", async ({ harm }) => {
  const place = copyOf(base)
  harm(place)
  const { given, warnings, listed } = await standing(place)
  expect({ given, listed }).toEqual({ given: null, listed: "unsigned" })
  expect(warnings).toEqual([expect.stringContaining("amc config sign gateway.yaml")])
})

test.each<{ why: string; change: Partial<ProviderConfig> }>([
  { why: "another host", change: { upstream: "https://evil.example" } },
  { why: "another port", change: { upstream: "https://api.example:8443" } },
  { why: "plain http", change: { upstream: "http://api.example" } },
  { why: "a socket", change: { socket: "/tmp/evil.sock" } },
])("a key does not go along to $why, signed or not", async ({ change }) => {
  const place = copyOf(base)
  await add(place, { ...remote, ...change }, null)
  const { given, warnings, listed } = await standing(place)
  expect({ given, listed }).toEqual({ given: null, listed: "elsewhere" })
  expect(warnings).toEqual([expect.stringMatching(/held back.*amc provider add remote/)])
})

test.each<{ why: string; change: Partial<ProviderConfig> }>([
  { why: "another path", change: { base_path: "/api" } },
  { why: "the same port, said", change: { upstream: "https://api.example:443" } },
])("a key goes to the same place by $why", async ({ change }) => {
  const place = copyOf(base)
  await add(place, { ...remote, ...change }, null)
  expect(await standing(place)).toEqual({ given: key, warnings: [], listed: "given" })
})

test("a provider elsewhere without a key is warned of, and one on this machine is not", async () => {
  const place = copyOf(base)
  const told = async (provider: ProviderConfig): Promise<readonly string[]> => {
    await add(place, provider, null)
    const capture = await openCapture(reopened(place), { clock })
    try {
      return (await chooseProviders(capture, [provider.id])).warnings
    } finally {
      await capture.close()
    }
  }
  expect(await told({ ...remote, id: "other" })).toEqual([
    "provider other has no key: 'amc provider add other --upstream https://api.example --key-file <file>'",
  ])
  expect(await told({ ...remote, id: "own", upstream: "http://127.0.0.1:8080" })).toEqual([])
})

test("without a name, the providers that get a key are those of the session", async () => {
  const place = copyOf(base)
  await add(place, { ...remote, id: "keyless" }, null)
  const chosen = async (...ids: string[]): Promise<readonly string[]> => {
    const capture = await openCapture(reopened(place), { clock })
    try {
      return (await chooseProviders(capture, ids)).providers.map(({ id }) => id)
    } finally {
      await capture.close()
    }
  }
  expect(await chosen()).toEqual([remote.id])
  await add(place, { ...remote, id: "second" }, key)
  expect(await chosen()).toEqual([remote.id, "second"].toSorted())
  expect(await chosen("second", "keyless", "second")).toEqual(["second", "keyless"])
  await expect(chosen("second", "nobody")).rejects.toMatchObject({ code: "usage/invalid" })
})

test("a vault that can't be opened is told as such, and lists all the same", async () => {
  const place = copyOf(base)
  const { state, workspace } = place.workspace
  rmSync(state.passphrasePath(workspace, "monitor"))
  const { providers } = await listProviders(reopened(place), now)
  expect(providers.map((provider) => provider.key)).toEqual(["locked", "locked"])
})

test.each<{ why: string; change: Partial<ProviderConfig>; isRefused: boolean }>([
  { why: "over http", change: { upstream: "http://api.example" }, isRefused: true },
  {
    why: "over http on this machine",
    change: { upstream: "http://localhost:80" },
    isRefused: false,
  },
  {
    why: "over a socket",
    change: { upstream: "http://api.example", socket: "/x" },
    isRefused: false,
  },
])("a key $why: refused $isRefused", async ({ change, isRefused }) => {
  const adding = add(copyOf(base), { ...remote, id: "plain", ...change }, key)
  if (isRefused) await expect(adding).rejects.toMatchObject({ code: "usage/invalid" })
  else await adding
})
