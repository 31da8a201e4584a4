import fs from "node:fs"
import { syncBuiltinESMExports } from "node:module"

/**
 * A process that changes a vault's slot and is killed before the n-th step on the file system (half way
 * through, if the step writes). Reaching the end, it prints the steps that it took.
 */
const [path = "", killAt = ""] = process.argv.slice(2)
const steps: string[] = []
const names = [
  "symlinkSync",
  "rmSync",
  "openSync",
  "fsyncSync",
  "closeSync",
  "renameSync",
  "unlinkSync",
] as const

function count(name: string, die: () => void): void {
  steps.push(name)
  if (steps.length !== Number(killAt)) return
  die()
  process.kill(process.pid, "SIGKILL")
}

function arm(): void {
  const [write, table] = [
    fs.writeFileSync,
    fs as unknown as Record<string, (...all: never[]) => unknown>,
  ]
  for (const name of names) {
    const real = fs[name] as (...all: never[]) => unknown
    table[name] = (...all) => {
      count(name, () => {})
      return real(...all)
    }
  }
  fs.writeFileSync = (file, data) => {
    const bytes = data as Uint8Array
    count("writeFileSync", () => write(file, bytes.subarray(0, bytes.length / 2)))
    write(file, bytes)
  }
  syncBuiltinESMExports()
}

const { changeSlot } = await import("./vault.ts")
await changeSlot(path, "monitor", new TextEncoder().encode("m"), () => {
  arm()
  return new Map([["key/x", new TextEncoder().encode("new")]])
})
process.stdout.write(JSON.stringify(steps))
