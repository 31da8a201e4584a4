import { copyFileSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import {
  type GatewayConfig,
  gatewayConfigSchema,
  openSignedFile,
  type SignedFileTerms,
  utf8,
} from "@amc/core"
import { beforeAll, expect, test } from "vitest"
import { againstHistory, isUnrecorded } from "./config-history.ts"
import { loadGatewayConfig } from "./gateway-config.ts"
import { openNotary, type OwnNotary } from "./notary-session.ts"
import { allConfigs, completeConfigs } from "./config-list.ts"
import { writeSteps } from "./config-signature.ts"
import { loadConfig, type LoadedConfig, writeConfig } from "./signed-config.ts"
import { copyOf, newPlace, now, type Place } from "./workspace.fixture.ts"
import type { Workspace } from "./workspace.ts"

const path = "gateway.yaml"
const source = "v: 1\nproviders: []\n"

let base: Place
let own: OwnNotary

beforeAll(async () => {
  base = await newPlace()
  own = await openNotary(base.workspace)
  return async () => {
    await own.close()
    rmSync(base.top, { recursive: true })
  }
})

/** A copy of the workspace with something done to its files. */
function changed(change: (workspace: Workspace) => void): LoadedConfig<GatewayConfig> {
  const { workspace } = copyOf(base)
  change(workspace)
  return loadGatewayConfig(workspace, now)
}

async function signed(terms: Partial<SignedFileTerms>): Promise<Uint8Array> {
  const all = { workspace: base.workspace.workspace, version: 2, previous_sha256: null }
  return own.notary.signFile(utf8(source), {
    path,
    expires_ms: null,
    role: "auditor",
    ...all,
    ...terms,
  })
}

test("a new workspace's config is signed, as version 1", () => {
  const { flaw, version, value } = loadGatewayConfig(base.workspace, now)
  expect({ flaw, version }).toEqual({ flaw: null, version: 1 })
  expect(value.providers.map(({ id }) => id)).toEqual(["openai"])
  expect(base.workspace.config).toMatchObject({ flaw: null, version: 1 })
})

test("a config without its signature is unsigned", () => {
  const { flaw } = changed(({ dir }) => rmSync(join(dir, `${path}.sig`)))
  expect(flaw?.code).toBe("CONFIG_UNSIGNED")
})

test.each<{ why: string; change: (dir: string) => void; detail: string }>([
  {
    why: "other bytes than were signed",
    change: (dir) => writeFileSync(join(dir, path), source),
    detail: "about other bytes",
  },
  {
    why: "a signature that is no envelope",
    change: (dir) => writeFileSync(join(dir, `${path}.sig`), "x"),
    detail: path,
  },
  {
    why: "an empty signature",
    change: (dir) => writeFileSync(join(dir, `${path}.sig`), ""),
    detail: path,
  },
  {
    why: "another file's signature",
    change: (dir) => copyFileSync(join(dir, "amc.config.yaml.sig"), join(dir, `${path}.sig`)),
    detail: "about other bytes",
  },
  {
    why: "another file with its own signature",
    change: (dir) => {
      writeFileSync(join(dir, path), source)
      writeFileSync(join(dir, `${path}.sig`), signatures.anotherPath)
    },
    detail: "for another file",
  },
  {
    why: "another workspace's signature of these bytes",
    change: (dir) => {
      writeFileSync(join(dir, path), source)
      writeFileSync(join(dir, `${path}.sig`), signatures.anotherWorkspace)
    },
    detail: "of another workspace",
  },
  {
    why: "a signature that has expired",
    change: (dir) => {
      writeFileSync(join(dir, path), source)
      writeFileSync(join(dir, `${path}.sig`), signatures.expired)
    },
    detail: "has expired",
  },
  {
    why: "a changed byte in the signature",
    change: (dir) => {
      const text = readFileSync(join(dir, `${path}.sig`), "utf8")
      writeFileSync(
        join(dir, `${path}.sig`),
        text.replace(/"sig":"(.)/, (_, c) => `"sig":"${c === "A" ? "B" : "A"}`),
      )
    },
    detail: "not by a key of the right role",
  },
])("a config with $why is told and not thrown", ({ change, detail }) => {
  const { flaw } = changed(({ dir }) => change(dir))
  expect(flaw?.code).toBe("CONFIG_SIGNATURE_INVALID")
  expect(flaw?.detail).toContain(detail)
})

let signatures: Record<"anotherPath" | "anotherWorkspace" | "expired", Uint8Array>

beforeAll(async () => {
  signatures = {
    anotherPath: await signed({ path: "amc.config.yaml" }),
    anotherWorkspace: await signed({ workspace: "ws-other" }),
    expired: await signed({ expires_ms: now - 1 }),
  }
})

test("a signature counts up to the very millisecond of its expiry", async () => {
  const { workspace } = copyOf(base)
  writeFileSync(join(workspace.dir, path), source)
  writeFileSync(join(workspace.dir, `${path}.sig`), await signed({ expires_ms: now }))
  expect(loadGatewayConfig(workspace, now)).toMatchObject({ flaw: null, version: 2 })
  expect(loadGatewayConfig(workspace, now + 1).flaw?.code).toBe("CONFIG_SIGNATURE_INVALID")
})

test("what can't be read as its config is refused, signed or not", () => {
  const malformed = expect.objectContaining({ code: "input/malformed" })
  expect(() => changed(({ dir }) => writeFileSync(join(dir, path), "v: 2\n"))).toThrow(malformed)
  const missing = expect.objectContaining({ code: "workspace/missing" })
  expect(() => changed(({ dir }) => rmSync(join(dir, path)))).toThrow(missing)
  const large = expect.objectContaining({ code: "input/too-large" })
  const flood = "#".repeat((1 << 20) + 1)
  expect(() => changed(({ dir }) => writeFileSync(join(dir, path), flood))).toThrow(large)
})

test("each write is the next version, signed and for this user alone", async () => {
  const { workspace } = copyOf(base)
  for (const version of [2, 3]) {
    const text = `${source}# ${version}\n`
    const written = await writeConfig(workspace, path, text, gatewayConfigSchema, own.notary)
    expect(written).toMatchObject({ version, flaw: null, path })
    expect(loadGatewayConfig(workspace, now)).toEqual(written)
  }
  for (const file of [path, `${path}.sig`]) {
    expect(statSync(join(workspace.dir, file)).mode & 0o777).toBe(0o600)
    expect(existsSync(join(workspace.dir, `${file}.tmp`))).toBe(false)
  }
})

test.each([
  { why: "has lost its signature", undo: (dir: string) => rmSync(join(dir, `${path}.sig`)) },
  { why: "was edited", undo: (dir: string) => writeFileSync(join(dir, path), source) },
])("the version goes on from what the ledger names where the file $why", async ({ undo }) => {
  const { workspace } = copyOf(base)
  undo(workspace.dir)
  const text = `${source}# next\n`
  const written = await writeConfig(workspace, path, text, gatewayConfigSchema, own.notary, 7)
  expect(written.version).toBe(8)
})

test("nothing is written that its own schema refuses", async () => {
  const { workspace } = copyOf(base)
  const before = readFileSync(join(workspace.dir, path))
  const writing = writeConfig(workspace, path, "v: 9\n", gatewayConfigSchema, own.notary)
  await expect(writing).rejects.toMatchObject({ code: "input/malformed" })
  expect(readFileSync(join(workspace.dir, path))).toEqual(before)
})

test.each([0, 1, 2, 3])(
  "a write that is killed after %i steps looks like no forgery",
  async (n) => {
    const { workspace } = copyOf(base)
    const { dir, keyring } = workspace
    const steps = writeSteps(dir, path, utf8(source), await signed({ version: 2 }))
    expect(steps).toHaveLength(3)
    for (const step of steps.slice(0, n)) step()
    const version = n < 2 ? 1 : 2
    const expectWhole = (): void => {
      expect(loadGatewayConfig(workspace, now)).toMatchObject({ flaw: null, version })
      const file = allConfigs(workspace).find((each) => each.path === path)
      const signature = file?.signature ?? new Uint8Array()
      const terms = openSignedFile(file?.bytes ?? signature, signature, keyring.keys("auditor"))
      expect(terms.version).toBe(version)
    }
    expectWhole()
    completeConfigs(workspace)
    expect(existsSync(join(dir, `${path}.sig.next`))).toBe(false)
    expectWhole()
  },
)

test("a forged signature that is put in the next one's place does not count", () => {
  const { flaw } = changed(({ dir }) => {
    writeFileSync(join(dir, path), source)
    copyFileSync(join(dir, "amc.config.yaml.sig"), join(dir, `${path}.sig.next`))
  })
  expect(flaw?.code).toBe("CONFIG_SIGNATURE_INVALID")
})

test("a new agent's folder is made with its config", async () => {
  const { workspace } = copyOf(base)
  const place = "agents/a1/x.yaml"
  await writeConfig(workspace, place, source, gatewayConfigSchema, own.notary)
  expect(loadConfig(workspace, place, gatewayConfigSchema, now).flaw).toBeNull()
})

const history = (
  version: number,
  sha256: string,
): ReadonlyMap<string, { version: number; sha256: string }> =>
  new Map([[path, { version, sha256 }]])

test.each<{ why: string; version: number; sha256: "same" | "other"; code: string | undefined }>([
  { why: "the one that is recorded", version: 1, sha256: "same", code: undefined },
  { why: "newer than what is recorded", version: 0, sha256: "other", code: undefined },
  {
    why: "older than what is recorded",
    version: 2,
    sha256: "other",
    code: "CONFIG_SIGNATURE_INVALID",
  },
  {
    why: "another of the same version",
    version: 1,
    sha256: "other",
    code: "CONFIG_SIGNATURE_INVALID",
  },
])("a signed file that is $why: $code", ({ version, sha256, code }) => {
  const config = loadGatewayConfig(base.workspace, now)
  const last = history(version, sha256 === "same" ? config.sha256 : "00".repeat(32))
  expect(againstHistory(config, last).flaw?.code).toBe(code)
})

test("a file that was signed once and has no signature now is no better than a forged one", () => {
  const config = changed(({ dir }) => rmSync(join(dir, `${path}.sig`)))
  expect(againstHistory(config, new Map()).flaw?.code).toBe("CONFIG_UNSIGNED")
  expect(againstHistory(config, history(1, config.sha256)).flaw).toMatchObject({
    code: "CONFIG_SIGNATURE_INVALID",
    detail: expect.stringContaining("was signed before"),
  })
})

test("only what is well signed and not yet named is to be recorded", () => {
  const config = loadGatewayConfig(base.workspace, now)
  expect(isUnrecorded(config, new Map())).toBe(true)
  expect(isUnrecorded(config, history(1, config.sha256))).toBe(false)
  expect(isUnrecorded(config, history(1, "00".repeat(32)))).toBe(true)
  const unsigned = changed(({ dir }) => rmSync(join(dir, `${path}.sig`)))
  expect(isUnrecorded(unsigned, new Map())).toBe(false)
})
