import type { SandboxLimits } from "@amc/sandbox"
import type { SessionTerms } from "./session-terms.ts"

const MiB = 1 << 20
const fileBytes = 1024 * MiB
const workBytes = 2048 * MiB

/** What whoever runs in a box of this session may use up, for so long. */
export function boxLimits({ limits }: SessionTerms, seconds: number): SandboxLimits {
  return {
    memoryBytes: limits.memory_mib * MiB,
    pids: limits.pids,
    timeoutMs: seconds * 1000,
    fileBytes,
    workBytes,
  }
}
