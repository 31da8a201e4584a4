import { execFileSync } from "node:child_process"
import { readFileSync, rmSync } from "node:fs"

/** Removes the folder in which an engine kept its things: engines leave their stores mounted on themselves. */
export function removeEngineFolder(folder: string): void {
  for (const point of mountedBelow(folder)) execFileSync("umount", ["--lazy", point])
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
}

/** The innermost first. */
function mountedBelow(folder: string): readonly string[] {
  const lines = readFileSync("/proc/self/mountinfo", "utf8").split("\n")
  const points = lines.map((line) => line.split(" ")[4] ?? "")
  return points.filter((point) => point.startsWith(`${folder}/`)).toReversed()
}
