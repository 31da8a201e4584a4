import { readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import {
  AmcError,
  type Keyring,
  malformed,
  openKeyring,
  parseRoot,
  type Root,
  rootFingerprint,
} from "@amc/core"
import { trustPaths } from "./trust-paths.ts"

const MAX_FILE = 65_536
const MAX_CERTIFICATES = 1024

/**
 * The keyring of a workspace folder, if its root is the pinned one. Everything in the folder may have been
 * planted: only what the pinned root signed gets into the keyring, and anything else is refused.
 *
 * @param pinnedRoot the fingerprint `sha256:<hex>` of root version 1, from out of band or from memory
 * @throws {@link AmcError} `workspace/missing` without a root, `workspace/unknown` if it is not the pinned
 * one, `input/malformed`, `input/too-large`, `key/refused`
 */
export function loadKeyring(dir: string, pinnedRoot: string): Keyring {
  const paths = trustPaths(dir)
  const root = readRoot(paths.root)
  if (root.version !== 1 || rootFingerprint(root) !== pinnedRoot)
    throw new AmcError("workspace/unknown", "the workspace's root is not the pinned one", {
      hint: `pinned is ${pinnedRoot}, here is ${rootFingerprint(root)}`,
    })
  const names = readFolder(paths.keys).filter((name) => name.endsWith(".json"))
  if (names.length > MAX_CERTIFICATES)
    throw new AmcError("input/too-large", "too many certificates")
  return openKeyring(
    root,
    names.map((name) => readBounded(join(paths.keys, name))),
  )
}

function readRoot(path: string): Root {
  return parseRoot(readBounded(path))
}

function readFolder(path: string): string[] {
  return found(path, () => readdirSync(path)).sort()
}

function readBounded(path: string): Uint8Array {
  return found(path, () => {
    const stats = statSync(path)
    if (!stats.isFile()) throw malformed(`${path} is not a regular file`)
    if (stats.size > MAX_FILE)
      throw new AmcError("input/too-large", `${path} is over ${MAX_FILE} bytes`)
    return new Uint8Array(readFileSync(path))
  })
}

function found<T>(path: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    if (cause instanceof AmcError) throw cause
    throw new AmcError("workspace/missing", `${path} can't be read`, { cause })
  }
}
