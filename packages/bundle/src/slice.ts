import { encodeEntries, malformed, parseEntries, type SignedLeaf, text, utf8 } from "@amc/core"

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

/** No event and its signature are so short; what is read at once must not be many times as large in memory. */
const bytesOfLeafMin = 256

/** The leaves of a slice with their signatures. Nothing about them is checked. @throws {@link AmcError} `input/malformed` */
export function parseSlice({ entries, signatures }: SliceFiles): readonly SignedLeaf[] {
  const most = 1024 + Math.floor((entries.length + signatures.length) / bytesOfLeafMin)
  const leaves = parseEntries(entries, most)
  const lines = text(signatures).split("\n", leaves.length + 2)
  if (lines.pop() !== "" || lines.length !== leaves.length)
    throw malformed("a slice does not have one signature for each entry")
  return leaves.map((leaf, at) => ({ leaf, signature: lines[at] ?? "" }))
}
