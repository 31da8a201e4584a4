import { expect, test } from "vitest"
import { utf8 } from "./bytes.ts"
import { gatewayConfigSchema, workspaceConfigSchema } from "./config.ts"
import { parseYaml } from "./yaml.ts"

const workspace = "v: 1\nworkspace: ws-1\nlane: main\n"

test("reads a workspace config and keeps what it does not say absent", () => {
  expect(parseYaml(utf8(workspace), workspaceConfigSchema, "amc.config.yaml")).toEqual({
    v: 1,
    workspace: "ws-1",
    lane: "main",
  })
})

test.each([
  { why: "a duplicate key", text: `${workspace}lane: other\n` },
  { why: "an alias", text: "v: 1\nworkspace: &a ws-1\nlane: *a\n" },
  { why: "an unknown member", text: `${workspace}trust: me\n` },
  { why: "a byte order mark", text: `\uFEFF${workspace}` },
  { why: "two documents", text: `${workspace}---\n${workspace}` },
  { why: "a tag that builds something", text: `${workspace}security: !!js/function 'x'\n` },
  { why: "no document", text: "" },
  { why: "another version", text: workspace.replace("v: 1", "v: 2") },
])("refuses a config with $why", ({ text }) => {
  expect(() => parseYaml(utf8(text), workspaceConfigSchema, "amc.config.yaml")).toThrow(
    expect.objectContaining({ code: "input/malformed" }),
  )
})

test.each([
  { why: "a path in the origin", upstream: "https://api.example.com/v1" },
  { why: "credentials", upstream: "https://a:b@api.example.com" },
  { why: "another scheme", upstream: "file:///etc/passwd" },
])("refuses an upstream with $why", ({ upstream }) => {
  const text = `v: 1\nproviders:\n  - id: openai\n    upstream: ${upstream}\n`
  expect(() => parseYaml(utf8(text), gatewayConfigSchema, "gateway.yaml")).toThrow(
    expect.objectContaining({ code: "input/malformed" }),
  )
})
