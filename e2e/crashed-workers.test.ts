import { expect, test } from "vitest"
import type { SerializedError } from "vitest/node"
import { crashedFiles } from "../scripts/crashed-workers.ts"

const error = (message: string, cause?: SerializedError): SerializedError => ({
  message,
  ...(cause !== undefined && { cause }),
})
const ended = (signal: string, file: string): SerializedError =>
  error(
    "[vitest-pool]: Worker forks emitted error.",
    error(
      `Worker exited unexpectedly with signal ${signal} during started state while running test file ${file}`,
    ),
  )

test.each([
  {
    why: "the runtime's own fault is run again",
    errors: [ended("SIGSEGV", "/a.test.ts")],
    files: ["/a.test.ts"],
  },
  {
    why: "a check of V8 ends a process so",
    errors: [ended("SIGTRAP", "/a.test.ts"), ended("SIGTRAP", "/b.test.ts")],
    files: ["/a.test.ts", "/b.test.ts"],
  },
  { why: "who was killed had no such fault", errors: [ended("SIGKILL", "/a.test.ts")], files: [] },
  {
    why: "another error beside it is a failure",
    errors: [ended("SIGSEGV", "/a.test.ts"), error("a promise nobody waited for")],
    files: [],
  },
  { why: "nothing went wrong", errors: [], files: [] },
])("files whose worker crashed: $why", ({ errors, files }) => {
  expect(crashedFiles(errors)).toEqual(files)
})
