import { accessSync, constants } from "node:fs"
import path from "node:path"
import { AmcError } from "@amc/core"

/** The programs of the host that the driver starts; all but bubblewrap and socat are in every Debian. */
export const toolNames = [
  "bwrap",
  "socat",
  "bash",
  "chmod",
  "du",
  "nsenter",
  "prlimit",
  "rm",
  "setpriv",
  "unshare",
] as const
export type Tool = (typeof toolNames)[number]

/** Fixed, since the monitor's own PATH may begin in a folder that others can write. */
const folders = ["/usr/bin", "/bin", "/usr/sbin", "/usr/local/bin"]

/** How to get the programs that may be missing. */
export const installHint = "install them: apt-get install -y bubblewrap socat util-linux"

/**
 * The absolute path of a program.
 *
 * @throws {@link AmcError} `sandbox/unavailable`
 */
export function toolPath(tool: Tool | "nft" | "podman"): string {
  const found = folders.map((folder) => path.join(folder, tool)).find(isExecutable)
  if (found === undefined)
    throw new AmcError("sandbox/unavailable", `${tool} is not installed`, {
      hint: tool === "nft" ? "install it: apt-get install -y nftables" : installHint,
    })
  return found
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
