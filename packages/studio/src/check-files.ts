import { realpathSync } from "node:fs"
import { dirname, isAbsolute, join, relative, resolve } from "node:path"
import { AmcError } from "@amc/core"
import { commandFiles, isOutsideSystem } from "./program.ts"
import type { SessionTerms } from "./session-terms.ts"

/** A file that the owner's check names. */
export interface CheckFile {
  /** As it is named, made absolute: a link may be on the way. */
  readonly path: string
  readonly real: string
}

/** What ends a word, as far as a shell's words and options can hold names of files. */
const borders = "\\s;&|()'\"`<>=,:{}"

/**
 * The files that a check names. A relative name means the work folder's file, where the check runs, and
 * else that of the folder in which the command was given.
 */
export function checkFiles(terms: SessionTerms): readonly CheckFile[] {
  const words = (terms.check ?? "").split(new RegExp(`[${borders}]+`))
  const found = words.flatMap((word) => namedFile(terms, word))
  return [...new Map(found.map((file) => [file.path, file])).values()]
}

/**
 * What the agent must not see of the check: a check whose answers lie open is passed by copying them.
 * The folder of each file that the check names is hidden, or the file alone where the agent's own
 * program or the work folder lies in that folder, or the other way round.
 */
export function hiddenFromAgent(terms: SessionTerms): readonly string[] {
  return keptFiles(terms).map(({ real }) => (isFolderShared(terms, real) ? real : dirname(real)))
}

/** The check's files that lie in the work folder, by their path in it: the agent's copy goes without them. */
export function checkFilesInWork(terms: SessionTerms): readonly string[] {
  const named = keptFiles(terms).flatMap(({ path, real }) => [path, real])
  return [...new Set(named.flatMap((path) => pathInWork(terms, path)))]
}

/** What the owner should know of a check that the agent can still get at. */
export function checkWarnings(terms: SessionTerms): readonly string[] {
  if (terms.check === null || terms.driver === "none") return []
  const own = checkFiles(terms).filter(({ real }) => isOutsideSystem(real))
  if (own.length === 0) return ["the check names no file, so the agent can rewrite what it runs"]
  return [...new Set(own.flatMap(({ real }) => warningsOf(terms, real)))]
}

function warningsOf(terms: SessionTerms, file: string): string[] {
  if (agentFiles(terms).includes(file))
    return [`${file} is the agent's program too, so the agent can read it`]
  if (pathInWork(terms, file).length > 0)
    return [
      `the agent can read and change what lies beside ${file}, but for what the check names itself`,
    ]
  return isFolderShared(terms, file) ? [`the agent can read the files beside ${file}`] : []
}

/**
 * The check as it is run in the work folder: a name that means a file elsewhere by that file's full
 * path, since the agent could have put one of the same name where the check runs.
 *
 * @throws {@link AmcError} `usage/invalid` for a path that can't be put into the command
 */
export function checkInBox(terms: SessionTerms): string {
  return (terms.check ?? "").replaceAll(new RegExp(`[^${borders}]+`, "g"), (word) => {
    const [file] = namedFile(terms, word)
    if (file === undefined || isAbsolute(word) || pathInWork(terms, file.path).length > 0)
      return word
    if (/^[\w@%+./-]+$/.test(file.real)) return file.real
    throw new AmcError("usage/invalid", `the check can't name ${word} from the work folder`, {
      hint: "put the check in a folder whose path has letters, digits and ._- alone",
    })
  })
}

/** Where a path lies in the work folder; empty if it does not. */
export function pathInWork({ work }: SessionTerms, path: string): string[] {
  const root = [resolve(work), realpathSync(work)].find((each) => path.startsWith(`${each}/`))
  return root === undefined ? [] : [relative(root, path)]
}

/** What is kept from the agent: the check's files, but for those that it needs itself. */
function keptFiles(terms: SessionTerms): readonly CheckFile[] {
  const agents = agentFiles(terms)
  return checkFiles(terms).filter(({ real }) => !agents.includes(real))
}

function agentFiles({ command, cwd }: SessionTerms): readonly string[] {
  return commandFiles(command, cwd)
}

/** Whether the agent's program or the work folder is in the file's folder, or the file in the work folder. */
function isFolderShared(terms: SessionTerms, file: string): boolean {
  const kept = [...agentFiles(terms), join(realpathSync(terms.work), "x")]
  return (
    pathInWork(terms, file).length > 0 ||
    kept.some((each) => each.startsWith(`${dirname(file)}/`.replace("//", "/")))
  )
}

function namedFile({ work, cwd }: SessionTerms, word: string): CheckFile[] {
  if (word === "") return []
  for (const base of [work, cwd]) {
    const path = resolve(base, word)
    const [real] = commandFiles([path], base)
    if (real !== undefined) return [{ path, real }]
  }
  return []
}
