import { chmodSync, copyFileSync, lstatSync, mkdirSync, realpathSync, rmSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { commandFiles } from "./program.ts"
import type { SessionTerms } from "./session-terms.ts"

/**
 * What the agent must not see of the check: a check whose answers lie open is passed by copying them.
 * The folder of each file that the check names is hidden, or the file alone where the agent's own
 * program or the work folder lies in that folder, or the other way round.
 */
export function hiddenFromAgent(terms: SessionTerms): readonly string[] {
  const work = realpathSync(terms.work)
  const kept = [...commandFiles(terms.command, terms.cwd), join(work, "x")]
  return checkFiles(terms).map((file) =>
    file.startsWith(`${work}/`) || kept.some((each) => each.startsWith(`${dirname(file)}/`))
      ? file
      : dirname(file),
  )
}

/** The check's files that lie in the work folder, by their path in it: the agent's copy goes without them. */
export function checkFilesInWork(terms: SessionTerms): readonly string[] {
  const work = realpathSync(terms.work)
  const inside = checkFiles(terms).filter((file) => file.startsWith(`${work}/`))
  return inside.map((file) => relative(work, file))
}

/**
 * Puts the check's files into what the agent left behind, in place of whatever it put there. The agent
 * must have ended.
 */
export function putBackCheck(terms: SessionTerms, left: string): void {
  for (const path of checkFilesInWork(terms)) {
    makePlainFolders(left, dirname(path))
    rmSync(join(left, path), { recursive: true, force: true })
    copyFileSync(join(realpathSync(terms.work), path), join(left, path))
    chmodSync(join(left, path), 0o644)
  }
}

/** A link in the way would lead out of the work folder, to where the monitor may write and the agent may not. */
function makePlainFolders(left: string, path: string): void {
  if (path === ".") return
  makePlainFolders(left, dirname(path))
  const folder = join(left, path)
  if (lstatSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return
  rmSync(folder, { force: true })
  mkdirSync(folder)
}

function checkFiles({ check, command, cwd }: SessionTerms): readonly string[] {
  const own = commandFiles(command, cwd)
  const named = check === null ? [] : commandFiles(wordsOf(check), cwd)
  return named.filter((file) => !own.includes(file))
}

/** Enough of a shell's word splitting to find the files that a check names. */
export function wordsOf(check: string): string[] {
  return check.split(/[\s;&|()'"]+/).filter((word) => word !== "")
}
