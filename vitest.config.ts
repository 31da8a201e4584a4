import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: [
      "packages/*/src/**/*.test.ts",
      "examples/*/src/**/*.test.ts",
      "examples/*/check/**/*.test.ts",
      "e2e/**/*.test.ts",
    ],
    exclude: ["**/node_modules/**", "**/dist/**", "e2e/long/**", "examples/*/work/**"],
    globalSetup: ["./scripts/vitest-setup.ts"],
    reporters: ["default", "./scripts/closing-line.ts"],
    // Case ids stand anywhere in a row's name, and a name that is cut can't be asked for.
    taskTitleValueFormatTruncate: 200,
    testTimeout: 150_000,
    hookTimeout: 150_000,
    maxWorkers: 2,
    // This tier of Node 24's compiler leaves a pointer that a collection may follow (nodejs/node#62393).
    execArgv: ["--no-sparkplug"],
    // Real processes, sockets and disks on a busy machine: the closing line names what needed it.
    retry: 1,
  },
})
