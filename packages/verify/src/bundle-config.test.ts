import type { BundledConfig } from "@amc/bundle"
import { sha256Hex, systemAgent, utf8 } from "@amc/core"
import { expect, test } from "vitest"
import { judge, mallory, parts, signed, world } from "./bundle-judge.fixture.ts"
import {
  bundleOf,
  configBytes,
  configPath,
  configSignature,
  openRun,
  partsOf,
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
  void made.record(
    "config_change",
    { path, sha256, version, role: "auditor" },
    { agent: systemAgent },
  )
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
