import { readdirSync, readFileSync, statSync } from "node:fs"
import { basename, join } from "node:path"
import {
  AmcError,
  isFault,
  type Keyring,
  keysMax,
  malformed,
  openKeyring,
  type TrustFiles,
} from "@amc/core"
import { rootPath, trustPaths } from "./trust-paths.ts"

const MAX_FILE = 65_536
const MAX_LIST = 1 << 20

/** The files of a workspace's trust, read and not checked. */
export interface StoredTrust extends TrustFiles {
  /** The certificates by the kid that their names say. */
  readonly byKid: ReadonlyMap<string, Uint8Array>
}

/**
 * Reads the trust files of a workspace folder. Everything in it may have been planted: see {@link loadKeyring}.
 *
 * @throws {@link AmcError} `workspace/missing`, `input/malformed`, `input/too-large`, `input/unreadable`
 */
export function readTrustFiles(dir: string): StoredTrust {
  const paths = trustPaths(dir)
  const roots = namesIn(paths.roots).map((_, at) => readBounded(rootPath(dir, at + 1)))
  const byKid = new Map(
    namesIn(paths.keys).map((name) => [
      basename(name, ".json"),
      readBounded(join(paths.keys, name)),
    ]),
  )
  const revocations = readBounded(paths.revocations, MAX_LIST)
  return { roots, revocations, certificates: [...byKid.values()], byKid }
}

/**
 * The keyring of a workspace folder, if its root is the pinned one. Only what the pinned root stands for
 * gets into the keyring, and anything else in the folder is refused.
 *
 * @param pinnedRoot the fingerprint `sha256:<hex>` of root version 1, from out of band or from memory
 * @throws {@link AmcError} `workspace/missing` without a root, `workspace/unknown` if it is not the pinned
 * one, `root/broken-chain`, `input/malformed`, `input/too-large`, `key/refused`
 */
export function loadKeyring(dir: string, pinnedRoot: string): Keyring {
  try {
    return openKeyring(readTrustFiles(dir), pinnedRoot.replace(/^sha256:/u, ""))
  } catch (cause) {
    if (!isFault(cause, "root/unknown")) throw cause
    const hint = `pinned is ${pinnedRoot}: ${cause.message}`
    throw new AmcError("workspace/unknown", "the workspace's root is not the pinned one", {
      cause,
      hint,
    })
  }
}

function namesIn(path: string): string[] {
  const names = found(path, () => readdirSync(path)).filter((name) => name.endsWith(".json"))
  if (names.length > keysMax) throw new AmcError("input/too-large", `too many files in ${path}`)
  return names.sort()
}

function readBounded(path: string, most = MAX_FILE): Uint8Array {
  return found(path, () => {
    const stats = statSync(path)
    if (!stats.isFile()) throw malformed(`${path} is not a regular file`)
    if (stats.size > most) throw new AmcError("input/too-large", `${path} is over ${most} bytes`)
    return new Uint8Array(readFileSync(path))
  })
}

function found<T>(path: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    if (cause instanceof AmcError) throw cause
    const { code } = cause as NodeJS.ErrnoException
    const isAbsent = code === "ENOENT" || code === "ENOTDIR"
    throw new AmcError(
      isAbsent ? "workspace/missing" : "input/unreadable",
      `${path} can't be read`,
      {
        cause,
      },
    )
  }
}
