import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from "node:fs"
import { AmcError, type ErrorCode } from "@amc/core"

export interface PrivateFileTerms {
  readonly maxSize: number
  /** The code for a file that is not there. */
  readonly missing: ErrorCode
}

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants

/**
 * Reads a file that only its owner, who must be this process's user, may read or write. What was checked
 * is what is read: the checks are made on the open file, and a symbolic link is not followed.
 *
 * @throws {@link AmcError} `vault/unsafe-file`; the `missing` code; `input/too-large`
 */
export function readPrivateFile(path: string, { maxSize, missing }: PrivateFileTerms): Uint8Array {
  const file = openPrivate(path, missing)
  try {
    const stats = fstatSync(file)
    checkPrivate(path, stats)
    if (stats.size > maxSize)
      throw new AmcError("input/too-large", `${path} is larger than ${maxSize} bytes`)
    return new Uint8Array(readFileSync(file))
  } finally {
    closeSync(file)
  }
}

/** @throws {@link AmcError} `vault/unsafe-file` unless it is a regular file that is ours alone. */
function checkPrivate(path: string, stats: Stats): void {
  const chmod = `chmod 600 ${path}`
  if (!stats.isFile()) throw unsafe(path, "is not a regular file")
  if (process.getuid !== undefined && stats.uid !== process.getuid())
    throw unsafe(path, "belongs to another user")
  if ((stats.mode & 0o077) !== 0) throw unsafe(path, "is open to other users", { hint: chmod })
}

function openPrivate(path: string, missing: ErrorCode): number {
  try {
    // Without O_NONBLOCK, opening a planted FIFO would wait for a writer.
    return openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === "ENOENT" || code === "ENOTDIR")
      throw new AmcError(missing, `${path} does not exist`, { cause })
    if (code === "ELOOP") throw unsafe(path, "is a symbolic link", { cause })
    throw unsafe(path, `can't be opened (${code})`, { cause })
  }
}

function unsafe(path: string, why: string, options?: { cause?: unknown; hint?: string }): AmcError {
  return new AmcError("vault/unsafe-file", `${path} ${why}`, options)
}
