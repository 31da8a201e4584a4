import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { toolPath } from "./tool.ts"

const run = promisify(execFile)
const longestMs = 600_000

/**
 * Removes a folder in which an agent worked, whatever it made of it: deeper than a path can be long, or
 * with all rights taken away. Gives null, or why something of it is still there; it never rejects.
 */
export async function removeTree(folder: string): Promise<string | null> {
  // Root needs no rights of its own; anybody else has to give himself what the agent took away.
  if (process.getuid?.() !== 0) await attempt("chmod", ["-R", "u+rwX", "--", folder])
  return attempt("rm", ["-rf", "--", folder])
}

async function attempt(tool: "chmod" | "rm", args: readonly string[]): Promise<string | null> {
  try {
    await run(toolPath(tool), args, { env: {}, cwd: "/", timeout: longestMs })
    return null
  } catch (error) {
    const { stderr } = error as { stderr?: unknown }
    const [words = ""] = String(stderr ?? "").split("\n")
    return `${args.at(-1)} could not be removed: ${words.slice(0, 200) || "rm did not end well"}`
  }
}
