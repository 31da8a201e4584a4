import { eachEntry, encodeEntries, malformed, type SignedLeaf, text, utf8 } from "@amc/core"

/** The files of a slice: its leaves as entries, and a line of text for the signature of each (spec/bundle.md). */
export interface SliceFiles {
  readonly entries: Uint8Array
  readonly signatures: Uint8Array
}

/** @throws {@link AmcError} `input/too-large` for a leaf of more than 65,535 bytes */
export function encodeSlice(leaves: readonly SignedLeaf[]): SliceFiles {
  return {
    entries: encodeEntries(leaves.map(({ leaf }) => leaf)),
    signatures: utf8(leaves.map(({ signature }) => `${signature}\n`).join("")),
  }
}

/** No event and its signature are so short; what is kept of each must not be many times as large in memory. */
const bytesOfLeafMin = 256

/**
 * The leaves of a slice with their signatures, made as they are gone through. Nothing about them is checked but that
 * each has one.
 *
 * @throws {@link AmcError} `input/malformed`
 */
export function parseSlice({ entries, signatures }: SliceFiles): Iterable<SignedLeaf> {
  const most = 1024 + Math.floor((entries.length + signatures.length) / bytesOfLeafMin)
  const count = countEntries(entries, most)
  const lines = text(signatures)
  if (countLines(signatures) !== count || !(lines === "" || lines.endsWith("\n")))
    throw malformed("a slice does not have one signature for each entry")
  return { [Symbol.iterator]: () => leavesOf(entries, lines) }
}

function countEntries(entries: Uint8Array, most: number): number {
  let count = 0
  for (const _ of eachEntry(entries))
    if (++count > most) throw malformed(`there are more entries than ${most}`)
  return count
}

function countLines(bytes: Uint8Array): number {
  let count = 0
  for (const byte of bytes) if (byte === 0x0a) count++
  return count
}

function* leavesOf(entries: Uint8Array, lines: string): Generator<SignedLeaf, void, undefined> {
  let from = 0
  for (const leaf of eachEntry(entries)) {
    const end = lines.indexOf("\n", from)
    yield { leaf, signature: lines.slice(from, end) }
    from = end + 1
  }
}
