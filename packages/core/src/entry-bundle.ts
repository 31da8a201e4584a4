import { AmcError, malformed } from "./errors.ts"

/** A leaf may have this many bytes, so that its length fits into two. */
export const entrySizeMax: number = 0xffff

/**
 * Frames leaves as C2SP tlog-tiles does in an entry bundle: each as its length in two bytes, big-endian,
 * and its bytes. Unlike a tile, a slice may hold any number of them.
 *
 * @throws {@link AmcError} `input/too-large` for a leaf of more than 65,535 bytes
 */
export function encodeEntries(leaves: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(leaves.reduce((size, leaf) => size + 2 + sizeOf(leaf), 0))
  const view = new DataView(bytes.buffer)
  let at = 0
  for (const leaf of leaves) {
    view.setUint16(at, leaf.length)
    bytes.set(leaf, at + 2)
    at += 2 + leaf.length
  }
  return bytes
}

/** The leaves of an entry bundle, as views of its bytes. Nothing about them is checked. @throws {@link AmcError} `input/malformed` */
export function parseEntries(bytes: Uint8Array): readonly Uint8Array[] {
  return [...eachEntry(bytes)]
}

/**
 * {@link parseEntries} one by one.
 *
 * @throws {@link AmcError} `input/malformed` once it gets to what is no entry
 */
export function* eachEntry(bytes: Uint8Array): Generator<Uint8Array, void, undefined> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  for (let at = 0; at < bytes.length;) {
    if (at + 2 > bytes.length) throw malformed("entries end in the middle of a length")
    const end = at + 2 + view.getUint16(at)
    if (end > bytes.length) throw malformed("entries end in the middle of a leaf")
    yield bytes.subarray(at + 2, end)
    at = end
  }
}

function sizeOf({ length }: Uint8Array): number {
  if (length > entrySizeMax)
    throw new AmcError("input/too-large", `an entry may have ${entrySizeMax} bytes`)
  return length
}
