import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { onTestFinished } from "vitest"

/** A folder of the test's own, 0700, removed afterwards. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "amc-vault-"))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
