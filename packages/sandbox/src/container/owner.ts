import { readFileSync, readlinkSync } from "node:fs"
import { startedAt } from "../process-view.ts"

/** What is made in an engine carries this label, with the monitor that it belongs to. */
export const ownerLabel = "dev.amc.monitor"

/** This process, so that another can tell whether it still lives. */
export function ownerOf(pid: number | "self"): string {
  const number = pid === "self" ? process.pid : pid
  return [place(), number, startedAt(pid) ?? ""].join(" ")
}

/**
 * Whether a monitor has ended, by its label. One that can't be looked at from here, such as in another
 * container, is left alone; what a machine ran before it was started again is nobody's.
 */
export function hasEnded(owner: string): boolean {
  const [boot, namespace, pid, started] = owner.split(" ")
  const [ownBoot, ownNamespace] = place().split(" ")
  if (boot !== ownBoot) return true
  if (namespace !== ownNamespace) return false
  return /^\d+$/.test(pid ?? "") && startedAt(Number(pid)) !== started
}

function place(): string {
  const boot = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim()
  return `${boot} ${readlinkSync("/proc/self/ns/pid")}`
}
