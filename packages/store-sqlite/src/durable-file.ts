import { createHash } from "node:crypto"
import { copyFile, mkdir, open, rename, rm } from "node:fs/promises"
import { dirname } from "node:path"

/**
 * Writes a file for the owner alone under a temporary name and moves it to its own: whole, or not at all. It
 * is on the disk when this resolves.
 */
export async function placeDurably(
  temporary: string,
  path: string,
  bytes: Uint8Array,
): Promise<void> {
  try {
    await writeDurably(temporary, bytes)
    await moveDurably(temporary, path)
  } catch (error) {
    // What hindered the writing may hinder this too; what stays is removed when the lane is opened again.
    await rm(temporary, { force: true }).catch(() => undefined)
    throw error
  }
}

async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, "w", 0o600)
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Flushes a file to the disk, leaves it to the owner alone, and returns the SHA-256 of its bytes. */
export async function hashDurably(path: string): Promise<string> {
  const file = await open(path, "r+")
  try {
    await file.chmod(0o600)
    await file.sync()
    const hash = createHash("sha256")
    for await (const chunk of file.createReadStream({ autoClose: false, start: 0 }))
      hash.update(chunk as Uint8Array)
    return hash.digest("hex")
  } finally {
    await file.close()
  }
}

/** Moves a flushed file to its name, in folders that are made if need be; the name is on the disk when this resolves. */
export async function moveDurably(from: string, to: string): Promise<void> {
  const folder = dirname(to)
  const firstMade = await mkdir(folder, { recursive: true, mode: 0o700 })
  await rename(from, to)
  await syncFolder(folder)
  if (firstMade === undefined) return
  for (let made = folder; made.length >= firstMade.length; made = dirname(made))
    await syncFolder(dirname(made))
}

/** Removes a file if it is there; it does not come back after a power cut. */
export async function removeDurably(path: string): Promise<void> {
  await rm(path, { force: true })
  try {
    await syncFolder(dirname(path))
  } catch (error) {
    // Without its folder there was no file.
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error
  }
}

/** Takes a file over from another file system, where it can't be renamed from. */
export async function copyDurably(from: string, to: string): Promise<string> {
  try {
    await copyFile(from, to)
    const sha256 = await hashDurably(to)
    await rm(from)
    return sha256
  } catch (error) {
    await rm(to, { force: true }).catch(() => undefined)
    throw error
  }
}

/** Makes the names of the files in a folder durable. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r")
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
