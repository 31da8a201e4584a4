import { readdirSync, readFileSync } from "node:fs"

/** The processes of this machine whose command line names a folder: relays, engines' helpers, boxes. */
export function processesNaming(folder: string): readonly string[] {
  return readdirSync("/proc").filter((pid) => /^\d+$/.test(pid) && commandOf(pid).includes(folder))
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1")
  } catch {
    return ""
  }
}
