import { spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { join } from "node:path"
import type { CaseFile } from "./cases.ts"

const timeoutMs = 10_000
const maxOutputBytes = 256 * 1024
const callsPath = join(import.meta.dirname, "calls.ts")

/**
 * What the agent's function gave back for each case, or undefined if its process did not say so.
 * The answers are the agent's word: compare them, and trust nothing else about them.
 */
export async function answersOf(taskFolder: string, file: CaseFile): Promise<unknown> {
  // The line with the answers starts with the nonce, which is sent only once the source is imported or
  // reads the input itself: what the source prints otherwise is not taken for an answer.
  const nonce = randomBytes(16).toString("hex")
  const calls = file.cases.map(({ args }) => args)
  const output = await outputOf(taskFolder, file, JSON.stringify({ nonce, calls }))
  const line = output.split("\n").find((candidate) => candidate.startsWith(nonce))
  if (line === undefined) return undefined
  try {
    return JSON.parse(line.slice(nonce.length)) as unknown
  } catch {
    return undefined
  }
}

function outputOf(taskFolder: string, file: CaseFile, input: string): Promise<string> {
  const flags = ["--permission", `--allow-fs-read=${taskFolder}`, `--allow-fs-read=${callsPath}`]
  const child = spawn(
    process.execPath,
    [...flags, "--no-warnings", callsPath, join(taskFolder, file.source), file.export],
    { cwd: taskFolder, env: {}, stdio: ["pipe", "pipe", "ignore"] },
  )
  return new Promise((resolve, reject) => {
    let output = ""
    const kill = (): void => void child.kill("SIGKILL")
    const timer = setTimeout(kill, timeoutMs)
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      if (output.length + chunk.length > maxOutputBytes) return kill()
      output += chunk
    })
    child.on("error", reject)
    child.on("close", () => {
      clearTimeout(timer)
      resolve(output)
    })
    // The source may end its process before it reads anything.
    child.stdin.on("error", () => undefined)
    child.stdin.end(input)
  })
}
