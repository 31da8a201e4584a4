import { toHex } from "./bytes.ts"
import { AmcError, malformed } from "./errors.ts"
import {
  isSignedByThreshold,
  readRoot,
  type Root,
  rootFingerprint,
  rootPayloadType,
} from "./root.ts"

const MAX_VERSIONS = 1024

/** The versions of a workspace's root, from the pinned one on. Only the current one certifies keys. */
export interface RootChain {
  /** Version 1, whose digest the reader pinned. */
  readonly pinned: Root
  /** The highest version. */
  readonly current: Root
  /** All versions, in order from 1. */
  readonly versions: readonly Root[]
}

/**
 * Reads the versions of a root, in order from 1. Version 1 must have the pinned digest, and each later one
 * must be signed by the threshold of the one before it and by its own (TUF specification, 5.3).
 *
 * Whether the current version has expired, or is older than one that was seen before, is for the caller
 * to judge.
 *
 * @param pinnedSha256 SHA-256 of version 1, from out of band or from memory
 * @throws {@link AmcError} `root/unknown`, `root/broken-chain`, `input/malformed`, `key/refused`
 */
export function openRootChain(files: readonly Uint8Array[], pinnedSha256: string): RootChain {
  if (files.length > MAX_VERSIONS) throw malformed("the root has too many versions")
  const [first, ...later] = files
  if (first === undefined) throw malformed("there is no version 1 of the root")
  const pinned = readRoot(first).root
  if (pinned.version !== 1 || toHex(pinned.sha256) !== pinnedSha256) throw unknownRoot(pinned)
  const versions = [pinned]
  for (const bytes of later) versions.push(successorOf(versions.at(-1) ?? pinned, bytes))
  return { pinned, current: versions.at(-1) ?? pinned, versions }
}

function successorOf(last: Root, bytes: Uint8Array): Root {
  const { root, envelope } = readRoot(bytes)
  const { version } = last
  if (root.version !== version + 1)
    throw broken(`version ${root.version} of the root comes after version ${version}`)
  if (root.workspace !== last.workspace)
    throw broken(`version ${root.version} of the root is of another workspace`)
  if (!isSignedByThreshold(envelope, rootPayloadType, last))
    throw broken(`version ${root.version} of the root is not signed by the owners of ${version}`)
  return root
}

function unknownRoot(root: Root): AmcError {
  return new AmcError("root/unknown", `the root is ${rootFingerprint(root)}, not the pinned one`)
}

function broken(message: string): AmcError {
  return new AmcError("root/broken-chain", message)
}
