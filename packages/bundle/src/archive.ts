import { AmcError, bundleFilesMax, equalBytes, isBundlePath, unlistedBundleFiles } from "@amc/core"
import { packTar, type TarHeader, unpackTar } from "modern-tar"

/** The files of an archive by name, in the order of their names. */
export type ArchiveFiles = ReadonlyMap<string, Uint8Array>

/** An archive is at most this long, whatever it holds. */
export const archiveSizeMax: number = 256 * 1024 * 1024
const filesMax = bundleFilesMax + unlistedBundleFiles.size

/**
 * Writes files as a ustar archive (spec/bundle.md, "Archive"): sorted by name, no times, no owners, mode
 * 0644, so that equal files give equal bytes.
 *
 * @throws {@link AmcError} `input/malformed` for a name that an archive may not hold, `input/too-large`
 */
export async function writeArchive(files: ArchiveFiles): Promise<Uint8Array> {
  const sorted = [...files].sort(([a], [b]) => (a < b ? -1 : 1))
  checkNames(sorted.map(([name]) => name))
  const bytes = await packTar(
    sorted.map(([name, data]) => ({ header: headerOf(name, data.length), body: data })),
  )
  if (bytes.length > archiveSizeMax) throw tooLarge()
  return bytes
}

/**
 * Reads an archive in exactly the spelling of {@link writeArchive}: it is written again, and other bytes
 * are refused. So links, folders, other modes, extension headers, duplicates and trailing bytes are
 * refused without a rule of their own. Nothing is unpacked to disk.
 *
 * @throws {@link AmcError} `bundle/malformed`, `input/too-large`
 */
export async function readArchive(bytes: Uint8Array): Promise<ArchiveFiles> {
  if (bytes.length > archiveSizeMax) throw tooLarge()
  const files = await unpack(bytes)
  if (!equalBytes(await rewrite(files), bytes))
    throw malformedArchive("is not in the one spelling of its files")
  return files
}

async function unpack(bytes: Uint8Array): Promise<ArchiveFiles> {
  const gate = new EntryGate()
  try {
    const entries = await unpackTar(bytes, { strict: true, filter: (header) => gate.pass(header) })
    return new Map(entries.map(({ header, data }) => [header.name, data ?? new Uint8Array(0)]))
  } catch (cause) {
    // The library's faults on hostile bytes are of no kind of their own, so all of them mean the same.
    throw cause instanceof AmcError ? cause : malformedArchive("can't be read as tar", cause)
  }
}

async function rewrite(files: ArchiveFiles): Promise<Uint8Array> {
  try {
    return await writeArchive(files)
  } catch (cause) {
    if (cause instanceof AmcError) throw malformedArchive(cause.message, cause)
    throw cause
  }
}

/** Stops at the first entry that can't be one of ours, before more of the archive is read. */
class EntryGate {
  #entries = 0
  #last = ""

  pass({ name, type, pax }: TarHeader): boolean {
    if (++this.#entries > filesMax) throw malformedArchive(`holds more than ${filesMax} files`)
    if (type !== "file" || pax !== undefined)
      throw malformedArchive("holds something else than plain files")
    if (name <= this.#last) throw malformedArchive("does not hold each file once, in order")
    this.#last = name
    return true
  }
}

function checkNames(names: readonly string[]): void {
  if (names.length > filesMax) throw refusedName(`an archive may hold ${filesMax} files`)
  const folded = new Set(names.map((name) => name.toLowerCase()))
  if (folded.size < names.length) throw refusedName("two file names differ in case only")
  for (const name of names) {
    if (!isBundlePath(name)) throw refusedName("a file name is not a plain relative path")
    if (parentsOf(name.toLowerCase()).some((parent) => folded.has(parent)))
      throw refusedName("a file name is a folder of another")
  }
}

function parentsOf(name: string): string[] {
  const segments = name.split("/")
  return segments.slice(1).map((_, at) => segments.slice(0, at + 1).join("/"))
}

function headerOf(name: string, size: number): TarHeader {
  // oxlint-disable-next-line no-restricted-globals -- the library takes the constant 0 only as a Date
  const mtime = new Date(0)
  return { name, size, type: "file", mode: 0o644, uid: 0, gid: 0, mtime, uname: "", gname: "" }
}

function refusedName(message: string): AmcError {
  return new AmcError("input/malformed", message)
}

function tooLarge(): AmcError {
  return new AmcError("input/too-large", `an archive may have ${archiveSizeMax} bytes`)
}

function malformedArchive(what: string, cause?: unknown): AmcError {
  return new AmcError("bundle/malformed", `the archive ${what}`, { cause })
}
