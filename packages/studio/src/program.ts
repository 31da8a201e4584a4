import { createHash } from "node:crypto"
import { existsSync, readFileSync, realpathSync, statSync } from "node:fs"
import { homedir } from "node:os"
import { delimiter, dirname, isAbsolute, join, parse, resolve } from "node:path"

/** What the box needs of the machine to run a command, read-only and at its own path. */
export interface ProgramMounts {
  readonly readOnly: readonly string[]
  /** Folders for the box's PATH, first wins. */
  readonly path: readonly string[]
}

/**
 * The folders that a command's program lies in: for each argument that is a file, its package (the
 * nearest folder with a `package.json`) and every `node_modules` above it; and the Node that runs AMC,
 * so that `node` means the same inside as outside. Nothing else of the home gets in.
 */
export function programMounts(
  command: readonly string[],
  cwd: string,
  runtime: string,
): ProgramMounts {
  const files = command.flatMap((word, i) => fileOf(word, cwd, i === 0))
  const packages = files.flatMap((file) => [packageRoot(file), ...modulesAbove(file)])
  const bins = modulesAbove(join(cwd, "x"))
    .map((folder) => join(folder, ".bin"))
    .filter((folder) => existsSync(folder))
  const node = dirname(realpathSync(runtime))
  const readOnly = outermost(
    [...packages, ...modulesAbove(join(cwd, "x")), dirname(node)].filter(isOutsideSystem),
  )
  return { readOnly, path: [...bins, node] }
}

/** The digest of a command: its words, and the bytes of those that are files. */
export function commandSha256(command: readonly string[], cwd: string): string {
  const hash = createHash("sha256")
  for (const word of command) {
    hash.update(`${word.length}:${word}\n`)
    for (const file of fileOf(word, cwd, false))
      hash.update(createHash("sha256").update(readFileSync(file)).digest())
  }
  return hash.digest("hex")
}

/** The files that a command names. */
export function commandFiles(command: readonly string[], cwd: string): readonly string[] {
  return command.flatMap((word) => fileOf(word, cwd, false))
}

function fileOf(word: string, cwd: string, isProgram: boolean): string[] {
  if (word === "" || (isProgram && !word.includes("/"))) return []
  const path = isAbsolute(word) ? word : resolve(cwd, word)
  try {
    return statSync(path).isFile() ? [realpathSync(path)] : []
  } catch {
    // A word that names no file is an ordinary argument.
    return []
  }
}

function packageRoot(file: string): string {
  for (let folder = dirname(file); folder !== parse(folder).root; folder = dirname(folder))
    // A stray package.json there must not let the whole home in.
    if (folder !== homedir() && existsSync(join(folder, "package.json"))) return folder
  return file
}

function modulesAbove(file: string): string[] {
  const found: string[] = []
  for (let folder = dirname(file); folder !== parse(folder).root; folder = dirname(folder)) {
    const modules = join(folder, "node_modules")
    if (existsSync(modules)) found.push(realpathSync(modules))
  }
  return found
}

/** Drops what lies inside another one of the list. */
function outermost(folders: readonly string[]): string[] {
  const all = [...new Set(folders)].sort()
  return all.filter(
    (folder) => !all.some((other) => other !== folder && folder.startsWith(`${other}/`)),
  )
}

/** The box has the system's own folders already. */
export function isOutsideSystem(folder: string): boolean {
  return !["/usr", "/bin", "/lib", "/lib64", "/sbin"].some(
    (system) => folder === system || folder.startsWith(`${system}/`),
  )
}

/** A PATH from folders. */
export function joinPath(folders: readonly string[]): string {
  return folders.join(delimiter)
}

/** The command as the box understands it: files outside the work folder by their full path. */
export function commandInBox(
  command: readonly string[],
  cwd: string,
  work: string,
): readonly string[] {
  if (realpathSync(cwd) === realpathSync(work)) return command
  return command.map((word, i) =>
    isAbsolute(word) ? word : (fileOf(word, cwd, i === 0)[0] ?? word),
  )
}
