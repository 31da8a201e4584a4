import { systemAgent, utf8 } from "@amc/core"
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
import { LaneFixture } from "./lane.fixture.ts"

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
  expect(await judge(signed({ configs }))).toMatchObject({ codes: [code], exit })
})

test("refuses an older config in a later one's place (S16)", async () => {
  const made = new LaneFixture(world)
  recordSystem(made)
  made.record(
    "config_change",
    { path: configPath, sha256: "ab".repeat(32), version: 2, role: "auditor" },
    { agent: systemAgent, channel: "owner" },
  )
  const bundle = bundleOf(partsOf({ world, lane: made, runOpened: openRun(made) }), world)
  expect(await judge(bundle)).toMatchObject({ codes: ["config/superseded"], exit: 4 })
})
