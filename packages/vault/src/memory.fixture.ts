import { spawn } from "node:child_process"
import { openSync } from "node:fs"
import { startNotary } from "./notary.ts"

/** Whether a process of the same user gets at the memory of a plain process, and at that of a notary. */
const [vaultPath = "", socketPath = "", passphrase = ""] = process.argv.slice(2)

function open(pid: number | undefined): string {
  try {
    openSync(`/proc/${pid}/mem`, "r")
    return "open"
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? ""
  }
}

const plain = spawn(process.execPath, ["-e", "process.stdin.resume()"], { stdio: "pipe" })
const slots = [{ slot: "monitor" as const, passphrase: new TextEncoder().encode(passphrase) }]
const notary = await startNotary({ vaultPath, socketPath, slots })
process.stdout.write(JSON.stringify({ plain: open(plain.pid), notary: open(notary.pid) }))
await notary.close()
plain.kill()
