import { createHash } from "node:crypto"
import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { AmcError } from "@amc/core"
import { prepareWork } from "@amc/sandbox"
import { checkFilesInWork } from "./check-files.ts"
import type { SessionTerms } from "./session-terms.ts"

/** Where an agent works: a copy of its own under `root`, or the folder in which it was started. */
export interface Work {
  readonly dir: string
  readonly root: string
  readonly isCopy: boolean
  /** Digest of the copy as the agent finds it; null without a copy. */
  readonly sha256: string | null
}

const modules = "node_modules"

/**
 * Makes the work folder of a session. A box gets a fresh copy, without the files of the owner's check;
 * packages are not copied but linked to where they are mounted read-only.
 *
 * @throws {@link AmcError} `usage/invalid` for a folder that can't be copied
 */
export function makeWork(terms: SessionTerms): Work {
  const { driver, cwd } = terms
  if (driver === "none") return { dir: cwd, root: cwd, isCopy: false, sha256: null }
  if (statSync(terms.work, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new AmcError("usage/invalid", `the work folder ${terms.work} is not there`)
  const root = mkdtempSync(join(tmpdir(), "amc-work-"))
  try {
    const dir = copyInto(root, terms)
    return { dir, root, isCopy: true, sha256: folderSha256(dir) }
  } catch (error) {
    rmSync(root, { recursive: true, force: true })
    throw error
  }
}

function copyInto(root: string, terms: SessionTerms): string {
  const { work } = terms
  const dir = join(root, "work")
  prepareWork(work, dir, [modules, ...checkFilesInWork(terms)])
  const packages = join(work, modules)
  if (existsSync(packages)) symlinkSync(realpathSync(packages), join(dir, modules))
  return dir
}

/** The digest of a folder: names, kinds and contents, in order. */
function folderSha256(folder: string): string {
  const hash = createHash("sha256")
  const visit = (path: string, name: string): void => {
    const stat = lstatSync(path)
    if (stat.isDirectory()) {
      for (const entry of readdirSync(path).sort()) visit(join(path, entry), `${name}/${entry}`)
      return
    }
    const content = stat.isSymbolicLink() ? Buffer.from(readlinkSync(path)) : readFileSync(path)
    hash
      .update(
        `${stat.isSymbolicLink() ? "link" : "file"} ${content.length} ${name.length}:${name}\n`,
      )
      .update(content)
  }
  visit(folder, "")
  return hash.digest("hex")
}
