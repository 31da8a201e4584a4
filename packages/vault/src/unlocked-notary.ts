import { lstatSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { AmcError, isFault } from "@amc/core"
import { borrowMonitor } from "./loan.ts"
import { NotaryLine } from "./notary-client.ts"
import { connectNotary, type Notary } from "./notary.ts"
import { type NotaryTerms, spawnLastingNotary } from "./notary-process.ts"
import { readUnlockFile, removeUnlockFile, type UnlockFile } from "./unlock-file.ts"

export interface UnlockTerms extends Pick<NotaryTerms, "vaultPath" | "slots"> {
  /** Where it is written down that the vault is unlocked; in a folder of this user alone. */
  readonly unlockPath: string
  /** When the notary ends by itself, in milliseconds since 1970. */
  readonly untilMs: number
}

/** A notary that outlives the command that started it, and answered a moment ago. */
export interface UnlockedNotary {
  readonly pid: number
  readonly socketPath: string
  readonly untilMs: number
  readonly slots: readonly ("auditor" | "monitor")[]
  /** @throws {@link AmcError} `notary/unavailable` */
  connect(): Promise<Notary>
  /** The passphrase of the monitor's slot; the caller wipes it. @throws {@link AmcError} `vault/locked`, `notary/unavailable` */
  lendMonitor(): Promise<Uint8Array>
  /** Ends it. */
  lock(): Promise<void>
}

const ANSWER_MS = 10_000

/**
 * Starts a notary that lives until it is locked, until its time is up or until its file or the vault
 * vanishes. It takes the place of one that was unlocked before.
 *
 * @throws {@link AmcError} as {@link openSlot} for its slots; `notary/unavailable`, `store/conflict`
 */
export async function unlockNotary(terms: UnlockTerms): Promise<UnlockedNotary> {
  const before = await findUnlocked(terms.unlockPath)
  const folder = mkdtempSync(join(tmpdir(), "amc-unlocked-"))
  const socketPath = join(folder, "socket")
  try {
    const pid = await spawnLastingNotary({ ...terms, socketPath })
    await before?.lock()
    const slots = terms.slots.map(({ slot }) => slot).sort()
    return unlocked(terms.unlockPath, { pid, socket: socketPath, until_ms: terms.untilMs, slots })
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    throw error
  }
}

/**
 * The notary that an unlock file names, if it answers; the file of one that is gone is removed.
 *
 * @throws {@link AmcError} `vault/unsafe-file`; `notary/unavailable` for one that is there and does not answer
 */
export async function findUnlocked(unlockPath: string): Promise<UnlockedNotary | null> {
  if (lstatSync(unlockPath, { throwIfNoEntry: false }) === undefined) return null
  const file = readUnlockFile(unlockPath)
  const isOwn = file !== null && isOwnSocket(file.socket)
  const end = isOwn ? await askOnce(file.socket, "keys") : "gone"
  if (file !== null && end === "answered") return unlocked(unlockPath, file)
  if (end === "silent")
    throw new AmcError("notary/unavailable", "the unlocked notary does not answer", {
      hint: "end it with 'amc vault lock', then unlock again",
    })
  sweep(unlockPath, file?.socket ?? null)
  return null
}

/** Makes a notary that does not answer end itself, once it goes on. @throws {@link AmcError} `store/conflict` */
export function forgetUnlocked(unlockPath: string): void {
  const file = readUnlockFile(unlockPath)
  if (file !== null) removeUnlockFile(unlockPath, file.socket)
}

function unlocked(
  unlockPath: string,
  { pid, socket, until_ms, slots }: Omit<UnlockFile, "schema">,
): UnlockedNotary {
  return {
    pid,
    socketPath: socket,
    untilMs: until_ms,
    slots,
    connect: () => connectNotary(socket, pid),
    lendMonitor: () => borrowMonitor(socket),
    lock: () => lock(unlockPath, socket),
  }
}

/**
 * After a restart somebody else may have made a socket by the same name. One of ours that others can reach is
 * still ours: the probe of a box has to try it.
 */
function isOwnSocket(path: string): boolean {
  const [socket, folder] = [path, dirname(path)].map((each) =>
    lstatSync(each, { throwIfNoEntry: false }),
  )
  const uid = process.getuid?.()
  if (socket?.isSocket() !== true || folder?.isDirectory() !== true) return false
  return socket.uid === uid && folder.uid === uid
}

/** What came of a request: an answer, nobody there, or somebody who says nothing. */
async function askOnce(socketPath: string, op: string): Promise<"answered" | "gone" | "silent"> {
  let line: NotaryLine | null = null
  let end: "gone" | "silent" = "gone"
  const timer = setTimeout(() => {
    end = "silent"
    line?.close()
  }, ANSWER_MS)
  try {
    line = await NotaryLine.connect(socketPath)
    await line.ask(op, new Uint8Array())
    if (op === "lock") await hungUp(line)
    return "answered"
  } catch (error) {
    if (!isFault(error, "notary/unavailable")) throw error
    return end
  } finally {
    clearTimeout(timer)
    line?.close()
  }
}

/** Fails as soon as the other end is gone, and with it the keys. */
async function hungUp(line: NotaryLine): Promise<never> {
  for (;;) await line.ask("keys", new Uint8Array())
}

/** One that does not answer ends itself as soon as it finds that its file is gone. */
async function lock(unlockPath: string, socketPath: string): Promise<void> {
  await askOnce(socketPath, "lock")
  sweep(unlockPath, socketPath)
}

function sweep(unlockPath: string, socketPath: string | null): void {
  if (lstatSync(unlockPath, { throwIfNoEntry: false }) === undefined) return
  try {
    removeUnlockFile(unlockPath, socketPath)
  } catch (error) {
    // Then another process is at just this, or is unlocking.
    if (!isFault(error, "store/conflict")) throw error
  }
}
