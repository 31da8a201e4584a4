import { readdir, rm } from "node:fs/promises"
import { join } from "node:path"
import { threadId } from "node:worker_threads"
import { onMedium } from "./store-fault.ts"

let filesMade = 0

/**
 * Where a file of a folder is written before it gets its name: no other live thread uses this one. A name with
 * a dot before it is none of the ledger's, and none that a static server shows.
 */
export function temporaryPath(folder: string): string {
  return join(folder, `.new-${process.pid}-${threadId}-${filesMade++}`)
}

/** Whether a name is that of a file that is being written, or was when its writer was killed. */
export function isLeftover(name: string): boolean {
  return name.startsWith(".new-")
}

/**
 * Removes what writers that were killed left half written in a folder of blobs or tiles: no event names it, and
 * no retention would ever reach it. Only who holds the lane may, since nobody else writes there.
 *
 * @throws {@link AmcError} `store/unavailable`
 */
export async function removeLeftovers(folder: string): Promise<void> {
  await onMedium(async () => {
    const names = await readdir(folder).catch(emptyIfAbsent)
    await Promise.all(
      names.filter(isLeftover).map((name) => rm(join(folder, name), { force: true })),
    )
  })
}

function emptyIfAbsent(error: unknown): readonly string[] {
  const { code } = error as NodeJS.ErrnoException
  // What is no folder is found by whoever writes there.
  if (code === "ENOENT" || code === "ENOTDIR") return []
  throw error
}
