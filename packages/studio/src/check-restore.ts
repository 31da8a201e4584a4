import { createHash } from "node:crypto"
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { dirname, join, resolve } from "node:path"
import { removeTree } from "@amc/sandbox"
import { type CheckFile, checkFiles, pathInWork } from "./check-files.ts"
import type { SessionTerms } from "./session-terms.ts"

/** The check as the owner has it: the digest is of the words and of the very bytes that are put back. */
export interface OwnCheck {
  readonly sha256: string
  readonly files: readonly (CheckFile & { readonly bytes: Uint8Array })[]
}

/** Reads the check's files from where they are on this machine, which is out of the agent's reach. */
export function readCheck(terms: SessionTerms): OwnCheck {
  const hash = createHash("sha256").update(terms.check ?? "")
  const files = checkFiles(terms).map((file) => ({ ...file, bytes: readFileSync(file.real) }))
  for (const { bytes } of files)
    hash.update(`\n${createHash("sha256").update(bytes).digest("hex")}`)
  return { sha256: hash.digest("hex"), files }
}

/**
 * Puts the check's files into what the agent left behind, in place of whatever it put there, so that
 * each of their paths leads to the owner's bytes. The agent must have ended.
 */
export async function putBackCheck(
  terms: SessionTerms,
  { files }: OwnCheck,
  left: string,
): Promise<void> {
  const inWork = files.flatMap(({ path, bytes }) =>
    pathInWork(terms, path).map((inner) => ({ inner, bytes })),
  )
  // The check may load packages, which it finds by the link that the work folder was made with.
  if (inWork.length > 0) await putBackPackages(terms, left)
  for (const { inner, bytes } of inWork) await putBack(terms, left, inner, bytes)
}

/**
 * Folders on the way are made plain ones, links the owner's: a link of the agent's would lead out of the
 * work folder, to where the monitor may write and the agent may not.
 */
async function putBack(
  terms: SessionTerms,
  left: string,
  inner: string,
  bytes: Uint8Array,
): Promise<void> {
  const work = realpathSync(terms.work)
  const names = inner.split("/")
  for (let at = 1; at <= names.length; at++) {
    const here = names.slice(0, at).join("/")
    const stat = lstatSync(join(work, here))
    if (stat.isDirectory()) await makeFolder(join(left, here))
    else if (stat.isFile()) await makeFile(join(left, here), bytes, stat.mode)
    else {
      const target = readlinkSync(join(work, here))
      await makeLink(join(left, here), target)
      const end = resolve(work, dirname(here), target, ...names.slice(at))
      // The owner's file was found by this path, so the links come to an end.
      for (const next of pathInWork(terms, end)) await putBack(terms, left, next, bytes)
      return
    }
  }
}

async function putBackPackages({ work }: SessionTerms, left: string): Promise<void> {
  const packages = join(work, "node_modules")
  if (statSync(packages, { throwIfNoEntry: false }) === undefined) return
  await makeLink(join(left, "node_modules"), realpathSync(packages))
}

async function makeFolder(folder: string): Promise<void> {
  if (lstatSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
    await removeTree(folder)
    mkdirSync(folder)
  }
  chmodSync(folder, 0o755)
}

async function makeFile(file: string, bytes: Uint8Array, mode: number): Promise<void> {
  await removeTree(file)
  writeFileSync(file, bytes, { flag: "wx" })
  chmodSync(file, (mode & 0o100) === 0 ? 0o644 : 0o755)
}

async function makeLink(link: string, target: string): Promise<void> {
  await removeTree(link)
  symlinkSync(target, link)
}
