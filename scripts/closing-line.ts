import { writeFileSync } from "node:fs"
import type { Reporter, SerializedError, TestCase, TestModule } from "vitest/node"
import { crashedFiles } from "./crashed-workers.ts"

/**
 * Prints the counts as `N passed, N failed, N skipped` on a line of their own, last, for CI to read; before it
 * each test that passed only when it was run again, since such a test hides a race.
 *
 * Where `AMC_TEST_OUTCOME` names a file, what `scripts/test.mjs` goes on with is written there as well.
 */
export default class ClosingLine implements Reporter {
  readonly #counts = { passed: 0, failed: 0, skipped: 0 }
  readonly #flaky: string[] = []

  onTestCaseResult(test: TestCase): void {
    const { state } = test.result()
    if (state !== "pending") this.#counts[state] += 1
    if (test.diagnostic()?.flaky === true)
      this.#flaky.push(`${test.module.moduleId} > ${test.fullName}`)
  }

  onTestRunEnd(_: readonly TestModule[], errors: readonly SerializedError[]): void {
    const { passed, failed, skipped } = this.#counts
    const outcome = process.env["AMC_TEST_OUTCOME"]
    if (outcome !== undefined)
      writeFileSync(outcome, JSON.stringify({ ...this.#counts, crashed: crashedFiles(errors) }))
    const flaky = this.#flaky.map((name) => `FLAKY, passed when run again: ${name}\n`).join("")
    process.once("exit", () =>
      process.stdout.write(`${flaky}${passed} passed, ${failed} failed, ${skipped} skipped\n`),
    )
  }
}
