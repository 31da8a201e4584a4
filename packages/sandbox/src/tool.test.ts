import { expect, test } from "vitest"
import { type Tool, toolNames, toolPath } from "./tool.ts"

test("a tool is found in the system's folders, not on PATH", () => {
  for (const tool of toolNames) expect(toolPath(tool)).toMatch(/^\/(usr\/)?(local\/)?s?bin\//)
})

test("a missing tool is named, with what to install", () => {
  expect(() => toolPath("no-such-tool" as Tool)).toThrow(
    expect.objectContaining({
      code: "sandbox/unavailable",
      hint: expect.stringContaining("apt-get install"),
    }),
  )
})
