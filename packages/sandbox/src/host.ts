import { execFileSync } from "node:child_process"
import {
  type Dirent,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { AmcError, sha256Hex } from "@amc/core"
import { makeEtc } from "./etc.ts"
import { cgroupParents } from "./cgroup.ts"
import { type ProbeBinary, probeBinary } from "./probe-binary.ts"
import { seccompFilter } from "./seccomp.ts"
import { agentUser, maskedName, rootModeUsers, type SandboxSpec } from "./spec.ts"
import { type Tool, toolNames, toolPath } from "./tool.ts"

/** What the plan needs to know of this machine. `runFolder` is this run's own and goes with it. */
export interface HostFacts {
  readonly isRoot: boolean
  readonly user: { readonly uid: number; readonly gid: number }
  readonly tools: Readonly<Record<Tool, string>>
  readonly mayDisableUserns: boolean
  readonly probe: ProbeBinary
  /** SHA-256 of the system call filter in the run's folder. */
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
  const filter = seccompFilter(process.arch)
  const probe = probeBinary()
  for (const folder of spec.readOnly) requireReadable(folder, isRoot)
  return {
    isRoot,
    user: agentUser(),
    tools: allTools(),
    mayDisableUserns: supportsDisableUserns(toolPath("bwrap")),
    probe,
    seccompProfile: sha256Hex(filter),
    systemRoots: systemRoots(),
    ...masksOf(spec, hostPrograms()),
    hasPidsCgroup: cgroupParents().some((parent) => parent.controllers.includes("pids")),
    // Last, so that a refusal above leaves nothing behind.
    runFolder: makeRunFolder(filter),
  }
}

/** @throws {@link AmcError} `sandbox/unavailable` */
export function allTools(): HostFacts["tools"] {
  return Object.fromEntries(toolNames.map((tool) => [tool, toolPath(tool)])) as Record<Tool, string>
}

/** A new folder of this run alone, with the box's `/etc` and an empty file to mask others with. */
export function makeRunFolder(filter: string | Uint8Array): string {
  const runFolder = mkdtempSync(path.join(tmpdir(), "amc-box-"))
  makeEtc(path.join(runFolder, "etc"), agentUser())
  writeFileSync(path.join(runFolder, "empty"), "", { mode: 0o444 })
  writeFileSync(path.join(runFolder, "seccomp"), filter)
  return runFolder
}

/** The folders with this machine's programs, which a box has beside those of its spec. */
export function hostPrograms(): readonly string[] {
  const roots = systemRoots().filter(({ target }) => target === null)
  return ["/usr", ...roots.map(({ path: root }) => root)]
}

/**
 * The folders and files in what is mounted that the agent must find empty. Programs are too many to look through at each
 * start: of what lies among them, that is hidden which the spec names.
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
  const found = readOnly.map(toMask)
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

/**
 * Every `.amc` beneath a folder, and every socket, pipe and device: that a mount is read-only keeps nobody from talking
 * through those. `node_modules` holds no workspaces and is left out, as it is most of all entries.
 */
export function toMask(root: string): ToMask {
  const [folders, files]: [string[], string[]] = [[], []]
  const queue = statSync(root).isDirectory() ? [root] : []
  for (let folder = queue.shift(); folder !== undefined; folder = queue.shift()) {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const inner = path.join(folder, entry.name)
      if (isWayOut(entry)) files.push(inner)
      if (!entry.isDirectory() || entry.name === "node_modules") continue
      if (entry.name === maskedName) folders.push(inner)
      else queue.push(inner)
    }
  }
  return { folders, files }
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
