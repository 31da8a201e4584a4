// All tests. Files whose worker died of the runtime and not of a test are run once more, and named.
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const folder = mkdtempSync(join(tmpdir(), "amc-test-run-"))

function run(files) {
  const outcome = join(folder, "outcome.json")
  rmSync(outcome, { force: true })
  const env = { ...process.env, AMC_TEST_OUTCOME: outcome }
  const { status } = spawnSync("vitest", ["run", ...files], { stdio: "inherit", env })
  return { ok: status === 0, ...readOutcome(outcome) }
}

function readOutcome(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"))
  } catch {
    return { passed: 0, failed: 1, skipped: 0, crashed: [] }
  }
}

function main() {
  const first = run(process.argv.slice(2))
  if (first.ok) return 0
  if (first.failed > 0 || first.crashed.length === 0) return 1
  const second = run(first.crashed)
  const sum = (key) => first[key] + second[key]
  for (const file of first.crashed) console.log(`CRASHED in the runtime, then run again: ${file}`)
  console.log(`${sum("passed")} passed, ${sum("failed")} failed, ${sum("skipped")} skipped`)
  return second.ok ? 0 : 1
}

try {
  process.exitCode = main()
} finally {
  rmSync(folder, { recursive: true, force: true })
}
