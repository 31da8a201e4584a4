import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { extname } from "node:path"
import type { Readable, Writable } from "node:stream"
import { fileURLToPath } from "node:url"
import { AmcError, concatBytes } from "@amc/core"
import { LineSplitter } from "./line-splitter.ts"
import { maxLine, openAnswer } from "./notary-line.ts"
import { encodeSecrets } from "./secrets.ts"

/** Where the vault is, where to listen, and what opens which slot. The caller wipes the passphrases. */
export interface NotaryTerms {
  readonly vaultPath: string
  /** At most 103 bytes; its folder is made 0700, or must be so. */
  readonly socketPath: string
  readonly slots: readonly {
    readonly slot: "auditor" | "monitor"
    readonly passphrase: Uint8Array
  }[]
}

/** A notary's process that listens. */
export interface NotaryProcess {
  readonly pid: number
  close(): Promise<void>
}

// As source beside this source, bundled beside the bundle.
const entry = new URL(`./notary-main${extname(fileURLToPath(import.meta.url))}`, import.meta.url)
// Otherwise anybody of this user could start the debugger in the process with a signal.
const flags = ["--disable-sigusr1"]
const CLOSE_TIMEOUT_MS = 5000

/**
 * Starts the notary's process with an empty environment, hands it the passphrases on descriptor 3, and
 * waits for its first line.
 *
 * @throws {@link AmcError} what the process says; `notary/unavailable`
 */
export async function spawnNotary(terms: NotaryTerms): Promise<NotaryProcess> {
  const child = spawn(process.execPath, wordsOf(terms), {
    env: {},
    stdio: ["pipe", "pipe", "inherit", "pipe"],
  })
  const ended = endOf(child)
  await started(child, ended, terms.slots)
  return { pid: child.pid ?? 0, close: () => close(child, ended) }
}

/** A notary that lives on its own, with the file that says so. */
export interface LastingTerms extends NotaryTerms {
  /** It ends when this file no longer names its socket. */
  readonly unlockPath: string
  readonly untilMs: number
}

/**
 * Starts a notary's process in a session of its own, so that neither the end of this one nor a signal to
 * its group ends it. Gives its pid.
 *
 * @throws {@link AmcError} what the process says; `notary/unavailable`
 */
export async function spawnLastingNotary(terms: LastingTerms): Promise<number> {
  const own = [terms.unlockPath, String(terms.untilMs)]
  const child = spawn(process.execPath, [...wordsOf(terms), ...own], {
    cwd: "/",
    detached: true,
    env: {},
    stdio: ["ignore", "pipe", "ignore", "pipe"],
  })
  await started(child, endOf(child), terms.slots)
  for (const stream of child.stdio) stream?.destroy()
  child.unref()
  return child.pid ?? 0
}

function wordsOf({ vaultPath, socketPath }: NotaryTerms): string[] {
  return [...flags, fileURLToPath(entry), vaultPath, socketPath]
}

/** Hands the passphrases over and waits for the process's first line. */
async function started(
  child: ChildProcess,
  ended: Promise<void>,
  slots: NotaryTerms["slots"],
): Promise<void> {
  // If the process dies first, writing to it fails; that it said nothing is then the news.
  for (const stream of child.stdio) stream?.on("error", () => {})
  handOver(child.stdio[3] as Writable, slots)
  try {
    openAnswer(await firstLine(child.stdio[1] as Readable))
  } catch (error) {
    await close(child, ended)
    throw error
  }
}

function handOver(pipe: Writable, slots: NotaryTerms["slots"]): void {
  const bytes = encodeSecrets(new Map(slots.map(({ slot, passphrase }) => [slot, passphrase])))
  pipe.end(bytes, () => bytes.fill(0))
}

async function firstLine(stdout: Readable): Promise<Uint8Array> {
  const splitter = new LineSplitter(maxLine)
  for await (const chunk of stdout.iterator({ destroyOnReturn: false })) {
    const [line] = splitter.push(concatBytes(chunk as Buffer)) ?? []
    if (line !== undefined) return line
  }
  throw new AmcError("notary/unavailable", "the notary's process did not start")
}

async function endOf(child: ChildProcess): Promise<void> {
  // A process that could not be started has no exit.
  const [exit, failure] = [once(child, "exit"), once(child, "error")]
  await Promise.race([exit.catch(() => {}), failure])
}

async function close(child: ChildProcess, ended: Promise<void>): Promise<void> {
  child.stdin?.destroy()
  const timer = setTimeout(() => child.kill("SIGKILL"), CLOSE_TIMEOUT_MS)
  await ended
  clearTimeout(timer)
}
