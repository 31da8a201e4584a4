import { readFileSync, readdirSync } from "node:fs"
import { join } from "node:path"

/** One call of the function under test, and what it must give back. */
export interface Case {
  readonly args: readonly unknown[]
  readonly expected: unknown
}

/** The owner's pristine cases for one task. The source's path is relative to the task's folder. */
export interface CaseFile {
  readonly task: string
  readonly source: string
  readonly export: string
  readonly cases: readonly Case[]
}

const folder = join(import.meta.dirname, "cases")

/** The cases of a session's task. Sessions count from 1 and go round the tasks. */
export function casesOfSession(session: number): CaseFile {
  const files = readdirSync(folder).sort()
  const file = files[(session - 1) % files.length]
  if (file === undefined) throw new Error(`${folder} holds no cases`)
  return JSON.parse(readFileSync(join(folder, file), "utf8")) as CaseFile
}
