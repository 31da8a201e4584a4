import { spawn } from "node:child_process"

const maxOutputChars = 6000

/** Runs the task's own tests in a process of their own and tells how they ended, output cut to its end. */
export function runTests(folder: string, timeoutMs = 20_000): Promise<string> {
  // One process for all test files, so that ending it ends a test that loops for ever too.
  const args = ["--test", "--test-isolation=none", "--test-reporter=spec"]
  // The tests need no provider key, and code that a model wrote must not see it.
  const env = { PATH: process.env["PATH"] ?? "" }
  const child = spawn(process.execPath, args, {
    cwd: folder,
    env,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: timeoutMs,
    killSignal: "SIGKILL",
  })
  return new Promise((resolve, reject) => {
    let output = ""
    const take = (chunk: string): void => {
      output = (output + chunk).slice(-maxOutputChars)
    }
    child.stdout.setEncoding("utf8").on("data", take)
    child.stderr.setEncoding("utf8").on("data", take)
    child.on("error", reject)
    child.on("close", (code) => {
      const end = code === null ? `stopped after ${timeoutMs} ms` : `exit code ${code}`
      resolve(`${end}\n${output}`)
    })
  })
}
