import { lstatSync, readdirSync } from "node:fs"
import { join } from "node:path"

const maxEntries = 1000

/**
 * Why the agent's source can't be run, or undefined if it can.
 *
 * Node's permission model follows symbolic links out of the folders that it allows, so a link could
 * lead the agent's code to the expected values. A tree with anything but files and folders is refused.
 */
export function refusalOf(workFolder: string, task: string, source: string): string | undefined {
  try {
    const above = [join(workFolder, "tasks"), join(workFolder, "tasks", task)]
    if (above.some((folder) => !lstatSync(folder).isDirectory())) return "the task folder is a link"
    const folders = [join(workFolder, "tasks", task)]
    let left = maxEntries
    for (const folder of folders)
      for (const entry of readdirSync(folder, { withFileTypes: true })) {
        if (--left < 0) return `the task folder holds more than ${maxEntries} entries`
        if (entry.isDirectory()) folders.push(join(folder, entry.name))
        else if (!entry.isFile()) return "the task folder holds a link or a special file"
      }
    return lstatSync(join(workFolder, "tasks", task, source)).isFile()
      ? undefined
      : "no source file"
  } catch {
    return "the task folder or its source is missing"
  }
}
