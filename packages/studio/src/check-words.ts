import { existsSync } from "node:fs"
import { isAbsolute, resolve } from "node:path"
import { AmcError } from "@amc/core"
import { isOutsideSystem } from "./program.ts"
import type { SessionTerms } from "./session-terms.ts"

/** Programs that run the file that they are given. */
const runners = /^(?:.*\/)?(?:node|deno|bun|tsx|python[\d.]*|sh|bash|dash|zsh|ruby|perl)$/
/** Options that take the program's text or a module's name in place of a file. */
const withoutFile = /^(?:-[a-z]*[cemp]|--eval|--print|--test|-)$/
const plain = /^[\w@%+,:=./-]+$/
const ofTheBox = ["/workspace", "/tmp", "/dev", "/proc"]

/**
 * Refuses a check that can't ever run, since what it runs is not there: all its sessions would fail. A
 * file that is only looked at may be the agent's to make.
 *
 * @throws {@link AmcError} `usage/invalid`
 */
export function requireCheckWords(terms: SessionTerms): void {
  if (terms.check === null || terms.driver === "none") return
  const commands = withoutQuotes(terms.check).split(/[;&|()\n]+/)
  const [missing] = commands.flatMap((command) => missingIn(terms, command))
  if (missing === undefined) return
  throw new AmcError("usage/invalid", `the check names ${missing}, which is not there`, {
    hint: `a relative path is looked for in ${resolve(terms.work)} and in ${resolve(terms.cwd)}; what the agent is to make can be run by a script of yours`,
  })
}

function missingIn(terms: SessionTerms, command: string): string[] {
  const words = command
    .trim()
    .split(/\s+/)
    .map((word) => word.replace(/^\d?[<>]+&?/, ""))
  const run = runWord(words.filter((word) => !/^(?:\w+=.*|!|exec|time)$/.test(word)))
  const named = words.filter((word) => isForeign(word) || word === run)
  return named.filter((word) => isPlainPath(word) && !isThere(terms, word))
}

/** The word that names what is run: the program, if it has a path, or the file that a runner is given. */
function runWord([program = "", ...rest]: readonly string[]): string | undefined {
  if (!runners.test(program)) return program.includes("/") ? program : undefined
  const at = rest.findIndex((word) => !word.startsWith("-") || withoutFile.test(word))
  const word = rest[at]
  return word === undefined || withoutFile.test(word) ? undefined : word
}

/** Neither of the system nor of the box: no agent can make it. */
function isForeign(word: string): boolean {
  const isOfBox = ofTheBox.some((folder) => word === folder || word.startsWith(`${folder}/`))
  return isAbsolute(word) && isOutsideSystem(word) && !isOfBox
}

/** A path as it stands: with nothing in it that a shell would put something else for. */
function isPlainPath(word: string): boolean {
  return plain.test(word) && /\/|\.\w+$/.test(word)
}

function isThere({ check, work, cwd }: SessionTerms, word: string): boolean {
  if (isAbsolute(word)) return existsSync(word)
  // Behind a 'cd' a relative path means something else.
  return /\bcd\s/.test(check ?? "") || [work, cwd].some((base) => existsSync(resolve(base, word)))
}

/** What is quoted as one word stands for itself; anything else in quotes is no path to look for. */
function withoutQuotes(check: string): string {
  return check.replaceAll(/(['"])(.*?)\1/gs, (_, _quote, text: string) =>
    plain.test(text) ? text : "$",
  )
}
