import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { workspaceConfigSchema } from "@amc/core"
import { lowestKdfCost } from "@amc/vault"
import { beforeAll, expect, test } from "vitest"
import { initWorkspace } from "./init.ts"
import { withNotary } from "./notary-session.ts"
import { writeConfig } from "./signed-config.ts"
import { StateHome } from "./state-home.ts"
import {
  copyOf,
  newPlace,
  now,
  type Place,
  reopened,
  temporaryFolder,
} from "./workspace.fixture.ts"
import { workspaceConfigPath } from "./workspace.ts"

let base: Place

beforeAll(async () => {
  base = await newPlace()
  return () => rmSync(base.top, { recursive: true })
})

/** What a config says that names a lane. */
function configOf({ workspace: { workspace } }: Place, lane: string, rest = ""): string {
  return `v: 1\nworkspace: ${workspace}\nlane: ${lane}\n${rest}`
}

test.each([
  { why: "another lane", text: (place: Place) => configOf(place, "other") },
  {
    why: "another workspace",
    text: (place: Place) => configOf(place, "main").replace("ws-", "wx-"),
  },
  {
    why: "a posture",
    text: (place: Place) => configOf(place, "main", "security:\n  trustBoundaryMode: isolated\n"),
  },
])("a config that nobody signed and that names $why is not believed", ({ text }) => {
  const place = copyOf(base)
  writeFileSync(join(place.workspace.dir, workspaceConfigPath), text(place))
  const { lane, workspace, config } = reopened(place)
  expect({ lane, workspace }).toEqual({ lane: "main", workspace: base.workspace.workspace })
  expect(config.flaw?.code).toBe("CONFIG_SIGNATURE_INVALID")
  expect(config.value).toEqual({
    v: 1,
    workspace,
    lane: "main",
    security: { trustBoundaryMode: "shared" },
  })
})

test("a signed config can't name a lane that the monitor's key was not certified for", async () => {
  const place = copyOf(base)
  await withNotary(place.workspace, (notary) =>
    writeConfig(
      place.workspace,
      workspaceConfigPath,
      configOf(place, "other"),
      workspaceConfigSchema,
      notary,
    ),
  )
  expect(() => reopened(place)).toThrow(
    expect.objectContaining({ code: "input/malformed", hint: expect.stringContaining("main") }),
  )
})

test("a workspace that could not be made whole leaves nothing, and the next attempt succeeds", async () => {
  const top = temporaryFolder()
  const state = new StateHome({ XDG_STATE_HOME: join(top, "state") })
  const folder = join(top, "home")
  const terms = { folder, state, clock: () => now, cost: lowestKdfCost }
  const list = join(state.dir, "workspaces.json")
  mkdirSync(state.dir, { recursive: true })
  writeFileSync(list, "{")
  await expect(initWorkspace(terms)).rejects.toMatchObject({ code: "input/malformed" })
  expect(existsSync(join(folder, ".amc"))).toBe(false)
  expect(readdirSync(join(state.dir, "workspaces"))).toEqual([])
  rmSync(list)
  mkdirSync(join(folder, ".amc"), { recursive: true })
  writeFileSync(join(folder, ".amc", "notes"), "mine")
  writeFileSync(list, "{")
  await expect(initWorkspace(terms)).rejects.toMatchObject({ code: "input/malformed" })
  expect(readdirSync(join(folder, ".amc"))).toEqual(["notes"])
  rmSync(list)
  expect((await initWorkspace(terms)).config.flaw).toBeNull()
  expect(readFileSync(join(folder, ".amc", "notes"), "utf8")).toBe("mine")
})
