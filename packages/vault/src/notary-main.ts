import { createReadStream, existsSync, fstatSync, rmdirSync, rmSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import { AmcError, isFault, type KeyRole, type Signer } from "@amc/core"
import { keyNames, signerOf } from "./lane-signer.ts"
import type { NotaryKeys } from "./notary-desk.ts"
import { encodeAnswer } from "./notary-line.ts"
import { serveNotary } from "./notary-server.ts"
import { guardProcess, type ProcessGuard } from "./process-guard.ts"
import { parseSecrets, type Secrets, wipeSecrets } from "./secrets.ts"
import { readUnlockFile, removeUnlockFile, writeUnlockFile } from "./unlock-file.ts"
import { openSlot } from "./vault.ts"

/**
 * The notary's process: `notary-main <vault file> <socket> [<unlock file> <end>]`. Passphrases by slot come on
 * descriptor 3, which is read to its end; one line on stdout says that it listens, or why not. It lives
 * as long as its stdin stays open, so that it can't outlive whoever started it; with an unlock file, until
 * it is locked, until that file no longer names it, or until the end (milliseconds since 1970).
 */
async function main(vaultPath: string, socketPath: string, lasting: Lasting | null): Promise<void> {
  // Before the next line, after which the files in /proc/self are no longer ours.
  hideFromCoreDumps()
  const guard = await guardProcess()
  ignoreSignals()
  const passphrases = await readPassphrases()
  try {
    const keys = await unlock(vaultPath, passphrases)
    if (lasting === null) await serveWithStdin(socketPath, keys, guard)
    else await serveOnItsOwn({ vaultPath, socketPath, ...lasting }, keys, passphrases, guard)
  } finally {
    wipeSecrets(passphrases)
  }
  say(new Uint8Array())
}

async function serveWithStdin(
  socketPath: string,
  keys: NotaryKeys,
  guard: ProcessGuard,
): Promise<void> {
  const stop = await serveNotary(socketPath, { keys, unlocked: null }, guard)
  process.stdin.resume().once("end", stop).once("close", stop)
}

async function serveOnItsOwn(
  place: Place,
  keys: NotaryKeys,
  passphrases: Secrets,
  guard: ProcessGuard,
): Promise<void> {
  const monitor = passphrases.get("monitor")?.slice() ?? null
  const slots = [...passphrases.keys()].sort() as ("auditor" | "monitor")[]
  const lock = (): void => {
    clearInterval(timer)
    monitor?.fill(0)
    // First, so that whoever sees it hang up finds nothing of it any more.
    tidyUp(place)
    stop()
  }
  const stop = await serveNotary(place.socketPath, { keys, unlocked: { monitor, lock } }, guard)
  const timer = setInterval(() => hasEnded(place) && lock(), LOOK_MS)
  const { pid } = process
  const { socketPath: socket, untilMs: until_ms } = place
  writeUnlockFile(place.unlockPath, { schema: "amc.unlocked/v1", pid, slots, socket, until_ms })
}

interface Lasting {
  readonly unlockPath: string
  readonly untilMs: number
}

interface Place extends Lasting {
  readonly vaultPath: string
  readonly socketPath: string
}

const LOOK_MS = 1000

/** Whether time is up, or the vault or the file that names this notary is gone. */
function hasEnded({ vaultPath, socketPath, unlockPath, untilMs }: Place): boolean {
  // The entry of a process is where its clock comes in.
  // oxlint-disable-next-line no-restricted-globals
  if (Date.now() >= untilMs || !existsSync(vaultPath)) return true
  try {
    return readUnlockFile(unlockPath)?.socket !== socketPath
  } catch (error) {
    if (!isFault(error)) throw error
    return true
  }
}

/** What can't be removed is in nobody's way: it names a notary that does not answer. */
function tidyUp({ unlockPath, socketPath }: Place): void {
  const steps = [
    () => removeUnlockFile(unlockPath, socketPath),
    () => rmSync(socketPath, { force: true }),
    () => rmdirSync(dirname(socketPath)),
  ]
  for (const step of steps)
    try {
      step()
    } catch {
      // Nobody is left to tell.
    }
}

async function readPassphrases(): Promise<Map<string, Uint8Array>> {
  const chunks = await readDescriptor()
  const bytes = Buffer.concat(chunks)
  const passphrases = parseSecrets(bytes)
  for (const part of [bytes, ...chunks]) part.fill(0)
  return passphrases
}

async function readDescriptor(): Promise<Buffer[]> {
  // Started by hand without it, descriptor 3 is the event loop's own, and closing that ends in a crash.
  const stats = fstatSync(3)
  if (!stats.isSocket() && !stats.isFIFO())
    throw new AmcError("usage/invalid", "a notary takes its passphrases on descriptor 3")
  const chunks: Buffer[] = []
  for await (const chunk of createReadStream("", { fd: 3 })) chunks.push(chunk as Buffer)
  return chunks
}

/** The root's key signs nothing that a daemon needs, so it never gets into this process. */
const rolesIn = { auditor: ["auditor", "release"], monitor: ["ledger"] } as const

async function unlock(vaultPath: string, passphrases: Secrets): Promise<NotaryKeys> {
  const keys = new Map<Exclude<KeyRole, "monitor">, Signer>()
  for (const [slot, passphrase] of passphrases) {
    if (slot !== "auditor" && slot !== "monitor")
      throw new AmcError("notary/refused", "a notary opens no such slot")
    const secrets = await openSlot(vaultPath, slot, passphrase)
    try {
      for (const role of rolesIn[slot]) keys.set(role, signerOf(secrets, keyNames[role]))
    } finally {
      wipeSecrets(secrets)
    }
  }
  return keys
}

/** Best effort: with no kind of memory selected, a core dump that root asks for holds no keys either. */
function hideFromCoreDumps(): void {
  try {
    writeFileSync("/proc/self/coredump_filter", "0")
  } catch {
    // Without /proc there is still the limit of size 0.
  }
}

/** Ctrl-C reaches the whole group, but the daemon still has runs to seal while it shuts down. */
function ignoreSignals(): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {})
}

function say(answer: Uint8Array | AmcError): void {
  process.stdout.write(Buffer.concat([encodeAnswer(answer), Buffer.from("\n")]))
}

const [vaultPath = "", socketPath = "", unlockPath, untilMs] = process.argv.slice(2)
// Whoever started a notary that lives on its own may be gone before it reads.
process.stdout.on("error", () => {})
try {
  const lasting = unlockPath === undefined ? null : { unlockPath, untilMs: Number(untilMs) }
  await main(vaultPath, socketPath, lasting)
} catch (error) {
  if (!isFault(error)) throw error
  say(error)
  process.exitCode = 3
}
