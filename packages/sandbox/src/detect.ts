import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { isFault } from "@amc/core"
import { probeBinary } from "./probe-binary.ts"
import { seccompFilters } from "./seccomp.ts"
import { installHint, toolNames, toolPath } from "./tool.ts"

/** Whether a driver works here; if not, why, and what can be done. */
export type Availability =
  | { readonly available: true; readonly mode: string }
  | { readonly available: false; readonly reason: string; readonly hint: string }

const run = promisify(execFile)

/** Tries bubblewrap by running it: that it is installed says nothing about what the kernel lets it do. */
export async function detectBubblewrap(): Promise<Availability> {
  if (process.platform !== "linux")
    return { available: false, reason: "bubblewrap needs Linux", hint: "use another driver" }
  const isRoot = process.getuid?.() === 0
  try {
    for (const tool of toolNames) toolPath(tool)
    seccompFilters(process.arch)
    probeBinary()
    await run(toolPath("bwrap"), trial(isRoot), { env: {}, timeout: 10_000 })
    return { available: true, mode: isRoot ? "root" : "user-namespace" }
  } catch (error) {
    if (isFault(error))
      return { available: false, reason: error.message, hint: error.hint ?? installHint }
    return { available: false, reason: wordsOf(error), hint: hintFor(isRoot) }
  }
}

function trial(isRoot: boolean): string[] {
  const user = isRoot ? [] : ["--unshare-user"]
  return [
    ...user,
    "--unshare-pid",
    "--unshare-net",
    "--unshare-ipc",
    "--unshare-uts",
    "--ro-bind",
    "/",
    "/",
    "--proc",
    "/proc",
    "--dev",
    "/dev",
    "--",
    "/bin/true",
  ]
}

function wordsOf(error: unknown): string {
  const { stderr } = error as { stderr?: unknown }
  const words = typeof stderr === "string" ? (stderr.trim().split("\n")[0] ?? "") : ""
  return words === "" ? "bubblewrap can't be run" : words.slice(0, 200)
}

function hintFor(isRoot: boolean): string {
  return isRoot
    ? "this root may not make namespaces: run the container with more rights"
    : "allow user namespaces (sysctl kernel.apparmor_restrict_unprivileged_userns=0) or run as root"
}
