import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, onTestFinished, test } from "vitest"
import { programName } from "./program-name.ts"

function folderWithAmc(mode: number): string {
  const folder = mkdtempSync(join(tmpdir(), "amc-cli-"))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, "amc"), "", { mode })
  return folder
}

test.each([
  { why: "on the PATH", mode: 0o755, npm: {}, name: "amc" },
  {
    why: "on npm's PATH alone",
    mode: 0o755,
    npm: { npm_command: "exec" },
    name: "npx --no-install amc",
  },
  { why: "nowhere to be run", mode: 0o644, npm: {}, name: "npx --no-install amc" },
])("an amc that is $why is called $name", ({ mode, npm, name }) => {
  const PATH = `/nowhere::${folderWithAmc(mode)}`
  expect(programName({ PATH, ...npm })).toBe(name)
})
