import {
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  realpathSync,
  statSync,
  writeFileSync,
} from "node:fs"
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path"

const maxFiles = 200
const maxFileBytes = 64 * 1024

/** The files of one task folder; no path leads out of it. Every failure is an Error with a reason. */
export class TaskFiles {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = realpathSync(folder)
  }

  /** Paths relative to the task folder, one a line. */
  list(): string {
    const entries = readdirSync(this.#folder, { recursive: true, withFileTypes: true })
    const files = entries
      .filter((entry) => entry.isFile())
      .map((entry) => relative(this.#folder, join(entry.parentPath, entry.name)))
      .sort()
    const left = files.length - maxFiles
    return [...files.slice(0, maxFiles), ...(left > 0 ? [`(and ${left} more)`] : [])].join("\n")
  }

  read(path: string): string {
    const file = realpathSync(this.#inside(path))
    this.#mustBeInside(file, path)
    if (statSync(file).size > maxFileBytes)
      throw new Error(`${path} is larger than ${maxFileBytes} bytes`)
    return readFileSync(file, "utf8")
  }

  write(path: string, content: string): string {
    if (Buffer.byteLength(content) > maxFileBytes)
      throw new Error(`the content is larger than ${maxFileBytes} bytes`)
    const file = this.#inside(path)
    // A link, or a folder above that is one, may lead out of the task folder.
    if (lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() === true)
      throw new Error(`${path} is a link`)
    this.#mustBeInside(nearestReal(dirname(file)), path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, content)
    return `wrote ${Buffer.byteLength(content)} bytes to ${path}`
  }

  #inside(path: string): string {
    if (isAbsolute(path)) throw new Error("paths are relative to the task folder")
    const file = resolve(this.#folder, path)
    this.#mustBeInside(file, path)
    return file
  }

  #mustBeInside(file: string, path: string): void {
    if (file !== this.#folder && !file.startsWith(this.#folder + sep))
      throw new Error(`${path} is outside the task folder`)
  }
}

function nearestReal(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return nearestReal(dirname(path))
  }
}
