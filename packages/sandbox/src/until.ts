import { setTimeout as pause } from "node:timers/promises"

/** Looks again every two milliseconds until the condition holds; false if it did not within the deadline. */
export async function until(condition: () => boolean, deadlineMs: number): Promise<boolean> {
  const deadline = AbortSignal.timeout(deadlineMs)
  while (!condition()) {
    if (deadline.aborted) return false
    await pause(2)
  }
  return true
}
