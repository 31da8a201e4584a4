import { realpathSync } from "node:fs"
import { join } from "node:path"
import { isDeepStrictEqual } from "node:util"
import { casesOfSession } from "./cases.ts"
import { answersOf } from "./child.ts"
import { refusalOf } from "./source-folder.ts"

/** Whether a session's task is done, and what to say about it. */
export interface Judgement {
  readonly passed: boolean
  readonly detail: string
}

/**
 * Judges what an agent left in its work folder by running its function on the owner's cases and
 * comparing here, in a process in which none of the agent's code runs.
 */
export async function judge(workFolder: string, session: number): Promise<Judgement> {
  const file = casesOfSession(session)
  const folder = realpathSync(workFolder)
  const refusal = refusalOf(folder, file.task, file.source)
  if (refusal !== undefined) return { passed: false, detail: `${file.task}: ${refusal}` }

  const answers = await answersOf(join(folder, "tasks", file.task), file)
  if (!Array.isArray(answers))
    return { passed: false, detail: `${file.task}: the source gave no answers` }
  const right = file.cases.filter(({ args, expected }, at) =>
    isDeepStrictEqual(answers[at], { value: expected, args }),
  )
  return {
    passed: right.length === file.cases.length,
    detail: `${file.task}: ${right.length} of ${file.cases.length} cases right`,
  }
}
