import {
  mkdirSync,
  readFileSync,
  realpathSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { makePrivateFolder, StateHome } from "./state-home.ts"
import { findWorkspaceDir, openWorkspace } from "./workspace.ts"
import { now, temporaryFolder } from "./workspace.fixture.ts"

const root_sha256 = "ab".repeat(32)

function fresh(): { top: string; state: StateHome } {
  const top = realpathSync(temporaryFolder())
  return { top, state: new StateHome({ XDG_STATE_HOME: join(top, "state") }) }
}

function modeOf(path: string): number {
  return statSync(path).mode & 0o777
}

test.each([
  { why: "XDG_STATE_HOME", environment: { XDG_STATE_HOME: "/s", HOME: "/h" }, dir: "/s/amc" },
  { why: "the home", environment: { HOME: "/h" }, dir: "/h/.local/state/amc" },
  {
    why: "the home if XDG_STATE_HOME is relative, as XDG asks",
    environment: { XDG_STATE_HOME: "s", HOME: "/h" },
    dir: "/h/.local/state/amc",
  },
])("lies in $why", ({ environment, dir }) => {
  expect(new StateHome(environment).dir).toBe(dir)
})

test("knows nothing at first, and finds what it was told", () => {
  const { top, state } = fresh()
  expect(state.remembered()).toEqual([])
  state.remember({ path: top, workspace: "ws-1", root_sha256 })
  expect(state.find(top)).toEqual({ path: top, workspace: "ws-1", root_sha256 })
  expect(state.find(join(top, "other"))).toBeUndefined()
})

test("a workspace takes the place of an older one at the same path, and of no other", () => {
  const { top, state } = fresh()
  const other = makePrivateFolder(join(top, "other"))
  state.remember({ path: top, workspace: "ws-1", root_sha256 })
  state.remember({ path: other, workspace: "ws-2", root_sha256 })
  state.remember({ path: top, workspace: "ws-3", root_sha256 })
  expect(state.remembered().map(({ workspace }) => workspace)).toEqual(["ws-2", "ws-3"])
})

test("goes by where a path really leads", () => {
  const { top, state } = fresh()
  const real = makePrivateFolder(join(top, "real"))
  symlinkSync(real, join(top, "link"))
  state.remember({ path: join(top, "link"), workspace: "ws-1", root_sha256 })
  expect(state.remembered()[0]?.path).toBe(real)
  expect(state.find(join(top, "link"))?.workspace).toBe("ws-1")
  expect(state.find(real)?.workspace).toBe("ws-1")
})

test("keeps everything to this user", () => {
  const { top, state } = fresh()
  state.remember({ path: top, workspace: "ws-1", root_sha256 })
  expect(modeOf(state.dir)).toBe(0o700)
  expect(modeOf(join(state.dir, "workspaces.json"))).toBe(0o600)
  expect(modeOf(state.folderOf("ws-1"))).toBe(0o700)
})

test("closes a folder that was open to others", () => {
  const { top } = fresh()
  mkdirSync(join(top, "open"), { mode: 0o755 })
  expect(modeOf(makePrivateFolder(join(top, "open")))).toBe(0o700)
})

test.each([
  { why: "no JSON", text: "{" },
  { why: "another version", text: `{"schema":"amc.workspaces/v2","workspaces":[]}` },
  { why: "a pin that is no digest", text: list({ root_sha256: "ab" }) },
  { why: "a member too many", text: list({ extra: 1 }) },
  { why: "nothing at all", text: "" },
])("refuses a damaged list, with $why, and does not overwrite it", ({ text }) => {
  const { top, state } = fresh()
  const path = join(makePrivateFolder(state.dir), "workspaces.json")
  writeFileSync(path, text)
  const damaged = expect.objectContaining({ code: "input/malformed" })
  expect(() => state.find(top)).toThrow(damaged)
  expect(() => state.remember({ path: top, workspace: "ws-1", root_sha256 })).toThrow(damaged)
  expect(readFileSync(path, "utf8")).toBe(text)
})

function list(change: object): string {
  const entry = { path: "/x", workspace: "ws-1", root_sha256, ...change }
  return JSON.stringify({ schema: "amc.workspaces/v1", workspaces: [entry] })
}

test("says it when its folder can't be made", () => {
  const { top } = fresh()
  writeFileSync(join(top, "file"), "")
  const state = new StateHome({ XDG_STATE_HOME: join(top, "file") })
  const unwritable = expect.objectContaining({ code: "workspace/unwritable" })
  expect(() => state.folderOf("ws-1")).toThrow(unwritable)
})

test("a workspace that somebody planted is not opened, and does not hide behind one above it", () => {
  const { top, state } = fresh()
  const planted = join(top, "mine", "clone", ".amc")
  for (const dir of [join(top, "mine", ".amc"), planted]) {
    mkdirSync(dir, { recursive: true })
    writeFileSync(join(dir, "amc.config.yaml"), "v: 1\nworkspace: ws-1\nlane: main\n")
  }
  state.remember({ path: join(top, "mine", ".amc"), workspace: "ws-1", root_sha256 })
  expect(findWorkspaceDir(join(top, "mine", "clone"))).toBe(planted)
  expect(() => openWorkspace(join(top, "mine", "clone"), state, now)).toThrow(
    expect.objectContaining({ code: "workspace/unknown" }),
  )
})

test("the workspace of a folder is the nearest with a config, and missing where there is none", () => {
  const { top, state } = fresh()
  mkdirSync(join(top, "a", ".amc"), { recursive: true })
  mkdirSync(join(top, "a", "b", ".amc"), { recursive: true })
  writeFileSync(join(top, "a", ".amc", "amc.config.yaml"), "")
  expect(findWorkspaceDir(join(top, "a", "b"))).toBe(join(top, "a", ".amc"))
  expect(() => openWorkspace(top, state, now)).toThrow(
    expect.objectContaining({ code: "workspace/missing" }),
  )
})
