import {
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
} from "node:fs"
import path from "node:path"
import { AmcError } from "@amc/core"
import { agentUser, maskedName } from "./spec.ts"

/** What was copied. */
export interface WorkCopy {
  readonly files: number
  readonly bytes: number
}

/**
 * Copies a work folder for one run and hands the copy to the agent's user.
 *
 * `.amc` folders, `node_modules/.cache` and the entries of the folder that are named stay behind. Links may point within the folder or into the
 * system's program folders, which are the same in the box; set-user-id bits are dropped.
 *
 * @throws {@link AmcError} `usage/invalid` for a link that leaves the folder, a special file, or a target
 *   that exists
 */
export function prepareWork(
  source: string,
  target: string,
  leftOut: readonly string[] = [],
): WorkCopy {
  const root = path.resolve(source)
  if (lstatSync(target, { throwIfNoEntry: false }) !== undefined)
    throw new AmcError("usage/invalid", `${target} exists already`)
  const copied = { files: 0, bytes: 0 }
  const owner = process.getuid?.() === 0 ? agentUser() : null
  const queue = [""]
  for (let folder = queue.shift(); folder !== undefined; folder = queue.shift()) {
    makeFolder(path.join(root, folder), path.join(target, folder))
    own(path.join(target, folder), owner)
    for (const entry of readdirSync(path.join(root, folder), { withFileTypes: true })) {
      const inner = path.join(folder, entry.name)
      if (entry.name === maskedName || isCache(inner) || leftOut.includes(inner)) continue
      if (entry.isDirectory()) queue.push(inner)
      else copyEntry(root, target, inner, copied, owner)
    }
  }
  reopenWork(target)
  return copied
}

/**
 * Gives a work folder the mode and the owner with which a box can be entered, whatever its source had or
 * an agent made of it: the agent owned the folder and may have shut everybody out. It must have ended.
 */
export function reopenWork(work: string): void {
  chmodSync(work, 0o755)
  own(work, process.getuid?.() === 0 ? agentUser() : null)
}

/** What every box has at the same path, read-only. */
const systemFolders = /^\/(?:usr|bin|sbin|lib|lib32|lib64|libx32)\//
const replaceLink = "replace the link by what it points to, or take it away"
const madeWithSystemPython =
  "the box has the Python of /usr alone: make the environment with '/usr/bin/python3 -m venv', or name another --work"

type Owner = { readonly uid: number; readonly gid: number } | null

function copyEntry(
  root: string,
  target: string,
  inner: string,
  copied: { files: number; bytes: number },
  owner: Owner,
): void {
  const from = path.join(root, inner)
  const to = path.join(target, inner)
  const stat = lstatSync(from)
  if (stat.isSymbolicLink()) copyLink(root, inner, to)
  else if (stat.isFile()) {
    copyFileSync(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
    chmodSync(to, (stat.mode & 0o777) | 0o600)
    copied.files += 1
    copied.bytes += stat.size
  } else throw new AmcError("usage/invalid", `${from} is neither a file, a folder nor a link`)
  own(to, owner)
}

function copyLink(root: string, inner: string, to: string): void {
  const link = readlinkSync(path.join(root, inner))
  const end = path.resolve(root, path.dirname(inner), link)
  const isWithin = !path.isAbsolute(link) && (end === root || end.startsWith(`${root}/`))
  if (!isWithin && !(path.isAbsolute(link) && systemFolders.test(end)))
    throw new AmcError(
      "usage/invalid",
      `the link ${path.join(root, inner)} leaves the work folder`,
      { hint: isOfVirtualEnvironment(root, inner) ? madeWithSystemPython : replaceLink },
    )
  symlinkSync(link, to)
}

/** A Python environment links to the interpreter that made it, which the box has only under `/usr`. */
function isOfVirtualEnvironment(root: string, inner: string): boolean {
  return existsSync(path.join(root, path.dirname(inner), "..", "pyvenv.cfg"))
}

function makeFolder(from: string, to: string): void {
  mkdirSync(to, { recursive: true })
  chmodSync(to, (lstatSync(from).mode & 0o777) | 0o700)
}

function own(file: string, owner: Owner): void {
  if (owner !== null) lchownSync(file, owner.uid, owner.gid)
}

function isCache(inner: string): boolean {
  return inner.endsWith("node_modules/.cache")
}
