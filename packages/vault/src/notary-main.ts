import { createReadStream, fstatSync, writeFileSync } from "node:fs"
import { AmcError, isFault, type KeyRole, type Signer } from "@amc/core"
import { keyNames, signerOf } from "./lane-signer.ts"
import type { NotaryKeys } from "./notary-desk.ts"
import { encodeAnswer } from "./notary-line.ts"
import { serveNotary } from "./notary-server.ts"
import { parseSecrets, type Secrets, wipeSecrets } from "./secrets.ts"
import { openSlot } from "./vault.ts"

/**
 * The notary's process: `notary-main <vault file> <socket>`. Passphrases by slot come on descriptor 3, which
 * is read to its end; one line on stdout says that it listens, or why not. It lives as long as its stdin
 * stays open, so that it can't outlive whoever started it.
 */
async function main(vaultPath: string, socketPath: string): Promise<void> {
  hideFromCoreDumps()
  ignoreSignals()
  const keys = await unlock(vaultPath, await readPassphrases())
  const stop = await serveNotary(socketPath, keys)
  process.stdin.resume().once("end", stop).once("close", stop)
  say(new Uint8Array())
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

async function unlock(vaultPath: string, passphrases: Secrets): Promise<NotaryKeys> {
  const keys = new Map<Exclude<KeyRole, "monitor">, Signer>()
  try {
    for (const [slot, passphrase] of passphrases) {
      const role = roleOf(slot)
      keys.set(
        role,
        await openKey(vaultPath, slot as "auditor" | "monitor", keyNames[role], passphrase),
      )
    }
  } finally {
    wipeSecrets(passphrases)
  }
  return keys
}

async function openKey(
  vaultPath: string,
  slot: "auditor" | "monitor",
  name: string,
  passphrase: Uint8Array,
): Promise<Signer> {
  const secrets = await openSlot(vaultPath, slot, passphrase)
  try {
    return signerOf(secrets, name)
  } finally {
    wipeSecrets(secrets)
  }
}

/** The root's key signs nothing that a daemon needs, so it never gets into this process. */
function roleOf(slot: string): Exclude<KeyRole, "monitor"> {
  if (slot === "auditor") return "auditor"
  if (slot === "monitor") return "ledger"
  throw new AmcError("notary/refused", "a notary opens no such slot")
}

/** Best effort, on Linux: with no kind of memory selected, a core dump of this process holds no keys. */
function hideFromCoreDumps(): void {
  try {
    writeFileSync("/proc/self/coredump_filter", "0")
  } catch {
    // Elsewhere the operator's limit on core dumps applies.
  }
}

/** Ctrl-C reaches the whole group, but the daemon still has runs to seal while it shuts down. */
function ignoreSignals(): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {})
}

function say(answer: Uint8Array | AmcError): void {
  process.stdout.write(Buffer.concat([encodeAnswer(answer), Buffer.from("\n")]))
}

const [vaultPath = "", socketPath = ""] = process.argv.slice(2)
try {
  await main(vaultPath, socketPath)
} catch (error) {
  if (!isFault(error)) throw error
  say(error)
  process.exitCode = 3
}
