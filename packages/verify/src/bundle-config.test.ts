import { type BundledConfig, changePath } from "@amc/bundle"
import { sha256Hex, utf8 } from "@amc/core"
import { expect, test } from "vitest"
import { judge, mallory, parts, signed, withManifestBy, world } from "./bundle-judge.fixture.ts"
import {
  bundleOf,
  changeEnvelope,
  configBytes,
  configPath,
  configSignature,
  openRun,
  partsOf,
  recordChange,
  recordSystem,
} from "./bundle.fixture.ts"
import { agent, LaneFixture } from "./lane.fixture.ts"

const config = parts.configs[0]!
const unknownConfig = { path: "new.yaml", bytes: configBytes, signature: null }

test.each([
  { why: "unsigned", configs: [config, unknownConfig], code: "config/unsigned", exit: 1 },
  {
    why: "unsigned, although it was signed before",
    configs: [{ ...config, signature: null }],
    code: "config/signature-missing",
    exit: 4,
  },
  {
    why: "changed",
    configs: [{ ...config, bytes: utf8("v: 2\n") }],
    code: "config/signature-invalid",
    exit: 4,
  },
  {
    why: "signed by a stranger",
    configs: [{ ...config, signature: configSignature(mallory) }],
    code: "config/signature-invalid",
    exit: 4,
  },
  {
    why: "another signed file (S15)",
    configs: [{ ...config, signature: configSignature(world, { path: "other.yaml" }) }],
    code: "config/another-file",
    exit: 4,
  },
  {
    why: "of another workspace",
    configs: [{ ...config, signature: configSignature(world, { workspace: "other" }) }],
    code: "config/another-file",
    exit: 4,
  },
])("refuses a config that is $why", async ({ configs, code, exit }) => {
  expect(await judge(signed({ configs }))).toMatchObject({
    codes: expect.arrayContaining([code]),
    exit,
  })
})

const other = utf8("v: 1\nproviders: [] # later\n")
const version = (version: number, by = world): BundledConfig => ({
  path: configPath,
  bytes: other,
  signature: configSignature(by, { version }, other),
})
const named: BundledConfig = {
  path: "new.yaml",
  bytes: configBytes,
  signature: configSignature(world, { path: "new.yaml" }),
}

test.each([
  { why: "one that was in force", configs: [], codes: ["bundle/config-missing"], exit: 1 },
  {
    why: "one, and has another that never was in force",
    configs: [named],
    codes: ["bundle/config-missing", "bundle/config-unnamed"],
    exit: 1,
  },
  {
    why: "none, and has one that never was in force",
    configs: [config, named],
    codes: ["bundle/config-unnamed"],
    exit: 1,
  },
  {
    why: "one, for other bytes of the same version",
    configs: [version(1)],
    codes: ["config/superseded"],
    exit: 4,
  },
  {
    why: "one, for a later one by a stranger",
    configs: [version(2, mallory)],
    codes: ["config/signature-invalid"],
    exit: 4,
  },
  {
    why: "one, for a later one of the auditor",
    configs: [version(2)],
    codes: [],
    exit: 0,
  },
])("judges a bundle that lacks $why", async ({ configs, codes, exit }) => {
  expect(await judge(signed({ configs }))).toMatchObject({ codes, exit })
})

const change = (made: LaneFixture, path: string, version: number, sha256 = "ab".repeat(32)): void =>
  recordChange(made, { path, sha256, version })
const judgeWith = (
  write: (made: LaneFixture) => void,
  configs?: BundledConfig[],
): ReturnType<typeof judge> => {
  const made = new LaneFixture(world)
  recordSystem(made)
  write(made)
  const of = partsOf({ world, lane: made, runOpened: openRun(made) })
  return judge(bundleOf({ ...of, configs: configs ?? of.configs }, world))
}

test("refuses an older config in a later one's place (S16)", async () => {
  const judged = await judgeWith((made) => change(made, configPath, 2))
  expect(judged).toMatchObject({ codes: ["config/superseded"], exit: 4 })
})

test("refuses an older config although the monitor says that it is in force again (S16)", async () => {
  const judged = await judgeWith((made) => {
    change(made, configPath, 2)
    change(made, configPath, 1, sha256Hex(configBytes))
  })
  expect(judged).toMatchObject({ codes: ["config/rolled-back", "config/superseded"], exit: 4 })
})

test("asks for the configs of the run's own agent and not of others", async () => {
  const of = (agent: string): string => `agents/${agent}/agent.config.yaml`
  expect(await judgeWith((made) => change(made, of("another"), 1))).toMatchObject({ codes: [] })
  expect(await judgeWith((made) => change(made, of(agent), 1))).toMatchObject({
    codes: ["bundle/config-missing"],
    exit: 1,
  })
})

const next = { path: configPath, sha256: "ab".repeat(32), version: 2 }

test("refuses a change that the monitor alone declares, and puts nothing in force by it", async () => {
  const judged = await judgeWith((made) => recordChange(made, { ...next, envelope: null }))
  expect(judged).toMatchObject({ codes: ["ledger/config-change"], exit: 1 })
})

test.each([
  { why: "another file (S15)", said: { ...next, path: "fleet.yaml" } },
  { why: "other bytes", said: { ...next, sha256: "cd".repeat(32) } },
  { why: "another version (S16)", said: { ...next, version: 3 } },
])("refuses a change for which the auditor signed $why", async ({ said }) => {
  const envelope = changeEnvelope(world, said)
  const judged = await judgeWith((made) => recordChange(made, { ...next, envelope }))
  expect(judged).toMatchObject({ codes: ["ledger/config-change"], exit: 4 })
})

test("refuses a bundle that has not what the auditor signed of a change", async () => {
  expect(await judge(signed({ changes: [] }))).toMatchObject({
    codes: expect.arrayContaining(["ledger/config-change"]),
    exit: 1,
  })
})

test("refuses a bundle with a signed change that no event names", async () => {
  const changes = [...parts.changes, changeEnvelope(world, next)]
  expect(await judge(signed({ changes }))).toMatchObject({
    codes: ["bundle/config-unnamed"],
    exit: 1,
  })
})

test("refuses another envelope in a change's place, though the manifest lists it", async () => {
  const path = changePath(sha256Hex(parts.changes[0]!))
  const envelope = changeEnvelope(world, { ...next, version: 1, sha256: sha256Hex(configBytes) })
  const other = withManifestBy(world.signers.auditor, (files) => files.set(path, utf8("{}")))
  expect(envelope).toEqual(parts.changes[0])
  expect(await judge(other)).toMatchObject({
    codes: expect.arrayContaining(["ledger/blob-contradicted", "ledger/config-change"]),
    exit: 4,
  })
})

test("asks for no file that names people or other agents, but for what was signed of its changes", async () => {
  for (const path of ["users.yaml", "fleet.yaml", "retention.yaml", "targets/next.yaml"])
    expect(await judgeWith((made) => change(made, path, 1)), path).toMatchObject({ codes: [] })
})
