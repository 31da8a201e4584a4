import type { Reporter, TestCase } from "vitest/node"

/** Prints the counts as `N passed, N failed, N skipped` on a line of their own, last, for CI to read. */
export default class ClosingLine implements Reporter {
  readonly #counts = { passed: 0, failed: 0, skipped: 0 }

  onTestCaseResult(test: TestCase): void {
    const { state } = test.result()
    if (state !== "pending") this.#counts[state] += 1
  }

  onTestRunEnd(): void {
    const { passed, failed, skipped } = this.#counts
    process.once("exit", () =>
      process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`),
    )
  }
}
