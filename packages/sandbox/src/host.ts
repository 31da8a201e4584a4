import { execFileSync } from "node:child_process"
import {
  type Dirent,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { AmcError, sha256Hex } from "@amc/core"
import { makeEtc, sharedEtcFolders } from "./etc.ts"
import { cgroupParents } from "./cgroup.ts"
import { type ProbeBinary, probeBinary } from "./probe-binary.ts"
import { seccompFilters } from "./seccomp.ts"
import { agentUser, maskedName, rootModeUsers, type SandboxSpec } from "./spec.ts"
import { type Tool, toolNames, toolPath } from "./tool.ts"
import { emptyNames } from "./try-counter.ts"

/** What the plan needs to know of this machine. `runFolder` is this run's own and goes with it. */
export interface HostFacts {
  readonly isRoot: boolean
  readonly user: { readonly uid: number; readonly gid: number }
  readonly tools: Readonly<Record<Tool, string>>
  readonly mayDisableUserns: boolean
  readonly probe: ProbeBinary
  /** The filter that the probe puts over the one in the run's folder. */
  readonly askingFilter: Uint8Array
  /** SHA-256 of both, one after the other. */
  readonly seccompProfile: string
  /** `/bin`, `/lib` and so on: a link's target, or null for a folder of its own. */
  readonly systemRoots: readonly { readonly path: string; readonly target: string | null }[]
  /** Folders in what is mounted that are shown empty: `.amc` and hidden ones. */
  readonly masks: readonly string[]
  /** Files in what is mounted that are shown empty. */
  readonly maskedFiles: readonly string[]
  readonly hasPidsCgroup: boolean
  readonly runFolder: string
}

/**
 * Looks at the host and makes the run's folder with the box's `/etc` and the seccomp filter.
 *
 * @throws {@link AmcError} `sandbox/unavailable` if a tool or the probe is missing, `usage/invalid` if the agent's user
 *   could not read what is to be mounted
 */
export function inspectHost(spec: SandboxSpec): HostFacts {
  const isRoot = process.getuid?.() === 0
  const { wall, asking } = seccompFilters(process.arch)
  const probe = probeBinary()
  for (const folder of spec.readOnly) requireReadable(folder, isRoot)
  return {
    isRoot,
    user: agentUser(),
    tools: allTools(),
    mayDisableUserns: supportsDisableUserns(toolPath("bwrap")),
    probe,
    askingFilter: asking,
    seccompProfile: sha256Hex(Buffer.concat([wall, asking])),
    systemRoots: systemRoots(),
    ...masksOf(spec, hostPrograms()),
    hasPidsCgroup: cgroupParents().some((parent) => parent.controllers.includes("pids")),
    // Last, so that a refusal above leaves nothing behind.
    runFolder: makeRunFolder(wall),
  }
}

/** @throws {@link AmcError} `sandbox/unavailable` */
export function allTools(): HostFacts["tools"] {
  return Object.fromEntries(toolNames.map((tool) => [tool, toolPath(tool)])) as Record<Tool, string>
}

/** A new folder of this run alone, with the box's `/etc` and what others are masked with. */
export function makeRunFolder(filter: string | Uint8Array): string {
  const runFolder = mkdtempSync(path.join(tmpdir(), "amc-box-"))
  makeEtc(path.join(runFolder, "etc"), agentUser())
  writeFileSync(path.join(runFolder, emptyNames.file), "", { mode: 0o444 })
  mkdirSync(path.join(runFolder, emptyNames.folder), { mode: 0o555 })
  writeFileSync(path.join(runFolder, "seccomp"), filter)
  return runFolder
}

/** The folders with this machine's programs, which a box has beside those of its spec. */
export function hostPrograms(): readonly string[] {
  const roots = systemRoots().filter(({ target }) => target === null)
  return ["/usr", ...roots.map(({ path: root }) => root)]
}

/** Folders of `/usr` that are the distribution's: some hundred thousand entries, and no place for a workspace. */
const distributions = /^(?:bin|games|include|lib\w*|s?bin|share)$/

/** What of `/usr` its owner fills, such as `/usr/local`. */
function ownPrograms(): readonly string[] {
  const names = readdirSync("/usr", { withFileTypes: true }).filter((entry) => entry.isDirectory())
  return names.filter(({ name }) => !distributions.test(name)).map(({ name }) => `/usr/${name}`)
}

/**
 * The folders and files in what is mounted that the agent must find empty. The distribution's programs are too many to
 * look through at each start: of what lies among them, that is hidden which the spec names.
 */
export function masksOf(
  { readOnly, hidden }: SandboxSpec,
  programs: readonly string[],
): Pick<HostFacts, "masks" | "maskedFiles"> {
  const mounts = [...readOnly, ...programs]
  const mounted = hidden.filter((entry) =>
    mounts.some((folder) => entry === folder || entry.startsWith(`${folder}/`)),
  )
  const isFolder = (entry: string): boolean => statSync(entry).isDirectory()
  const own = programs.includes("/usr") ? [...ownPrograms(), ...sharedEtcFolders()] : []
  const found = [...readOnly, ...own].map((folder) => toMask(folder))
  const folders = [...found.flatMap((each) => each.folders), ...mounted.filter(isFolder)]
  const files = [
    ...found.flatMap((each) => each.files),
    ...mounted.filter((entry) => !isFolder(entry)),
  ]
  return { masks: [...new Set(folders)], maskedFiles: [...new Set(files)] }
}

/** @throws {@link AmcError} `usage/invalid` if the agent's user could not read it */
export function requireReadable(folder: string, isRoot: boolean): void {
  const stat = path.isAbsolute(folder) ? statSync(folder, { throwIfNoEntry: false }) : undefined
  if (stat === undefined)
    throw new AmcError("usage/invalid", `${folder} is not an absolute path of something here`)
  // As root the agent has a user of its own, which must be able to read what others may read.
  if (isRoot && stat.isDirectory() && (stat.mode & 0o005) !== 0o005)
    throw new AmcError("usage/invalid", `${folder} can't be read by the agent's user`, {
      hint: `chmod -R o+rX ${folder}`,
    })
}

/** The links and folders at the root of this machine that programs are found through. */
export function systemRoots(): HostFacts["systemRoots"] {
  return ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"]
    .filter((root) => existsSync(root))
    .map((root) => ({
      path: root,
      target: lstatSync(root).isSymbolicLink() ? readlinkSync(root) : null,
    }))
}

/** What must be shown empty beneath a folder: the folders, and the files. */
export interface ToMask {
  readonly folders: readonly string[]
  readonly files: readonly string[]
}

/** What the probe looks through as well: it would not know what a larger folder holds. */
const mostEntries = 1_000_000

/**
 * Every `.amc` beneath a folder, and every socket, pipe and device: that a mount is read-only keeps nobody from talking
 * through those.
 *
 * @throws {@link AmcError} `usage/invalid` for a folder with too much in it to be looked through
 */
export function toMask(root: string, most: number = mostEntries): ToMask {
  const [folders, files]: [string[], string[]] = [[], []]
  const queue = statSync(root).isDirectory() ? [root] : []
  let entries = 0
  for (let folder = queue.pop(); folder !== undefined; folder = queue.pop()) {
    const listed = listOf(folder)
    if (listed === null) folders.push(folder)
    for (const entry of listed ?? []) {
      if (++entries > most) throw tooMuch(root, most)
      if (isWayOut(entry)) files.push(`${folder}/${entry.name}`)
      if (!entry.isDirectory()) continue
      if (entry.name === maskedName) folders.push(`${folder}/${entry.name}`)
      else queue.push(`${folder}/${entry.name}`)
    }
  }
  return { folders, files }
}

/** Null for a folder that can't be looked into, and is shown empty for that. */
function listOf(folder: string): readonly Dirent[] | null {
  try {
    return readdirSync(folder, { withFileTypes: true })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EACCES") return null
    throw error
  }
}

function tooMuch(root: string, most: number): AmcError {
  return new AmcError("usage/invalid", `${root} has more than ${most} entries`, {
    hint: "what is mounted is searched for workspaces: put the agent's program in a folder of its own",
  })
}

function isWayOut(entry: Dirent): boolean {
  return entry.isSocket() || entry.isFIFO() || entry.isCharacterDevice() || entry.isBlockDevice()
}

let disableUserns: boolean | undefined
function supportsDisableUserns(bwrap: string): boolean {
  disableUserns ??= execFileSync(bwrap, ["--help"], { encoding: "utf8" }).includes(
    "--disable-userns",
  )
  return disableUserns
}

/** Who may connect to the gateway's socket for the box. */
export function relayUser(isRoot: boolean): number | null {
  return isRoot ? rootModeUsers.relay : null
}
