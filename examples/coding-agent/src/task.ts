import { readFileSync, readdirSync } from "node:fs"
import { join } from "node:path"

/** A task of the work folder: what is asked, and the folder to do it in. */
export interface Task {
  readonly name: string
  readonly folder: string
  readonly request: string
}

/**
 * The task of a session. Sessions count from 1 and go round the folders under `tasks/`.
 *
 * @throws Error if the number is none or the work folder holds no task.
 */
export function taskOfSession(workFolder: string, session: number): Task {
  if (!Number.isSafeInteger(session) || session < 1)
    throw new Error("the session must be a whole number from 1")
  const names = taskNames(join(workFolder, "tasks"))
  const name = names[(session - 1) % names.length]
  if (name === undefined) throw new Error(`${workFolder} holds no task under tasks/`)
  const folder = join(workFolder, "tasks", name)
  return { name, folder, request: readFileSync(join(folder, "TASK.md"), "utf8") }
}

function taskNames(folder: string): string[] {
  try {
    return readdirSync(folder).sort()
  } catch {
    return []
  }
}
