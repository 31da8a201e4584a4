import type { Digest } from "./digest.ts"
import { malformed } from "./errors.ts"
import { concatBytes } from "./bytes.ts"
import type { Subtree } from "./merkle/subtree.ts"

/** A full tile has this many hashes, and a full entry bundle this many entries (C2SP tlog-tiles). */
export const tileWidth = 256
const tileHeight = 8
const hashSize = 32
const levelMax = 63

/** A tile of hashes by its level, or the bundle of the entries under a tile of level 0. */
export interface TileName {
  readonly level: number | "entries"
  readonly index: number
  /** From 1 to {@link tileWidth}; less than that only at the right edge of a tree. */
  readonly width: number
}

/** Where a tile lies under a ledger's prefix, such as `tile/0/x001/234.p/17`. */
export function tilePath({ level, index, width }: TileName): string {
  const part = width === tileWidth ? "" : `.p/${width}`
  return `tile/${level}/${indexPath(index)}${part}`
}

/** The folder of all partial tiles that the full one supersedes. */
export function partialTilesPath({ level, index }: Omit<TileName, "width">): string {
  return `tile/${level}/${indexPath(index)}.p`
}

/**
 * Reads the path of a tile. There is one spelling of each, so what is no tile's path (`..`, a leading
 * zero, an escape) is refused.
 *
 * @throws {@link AmcError} `input/malformed`
 */
export function parseTilePath(path: string): TileName {
  const found = /^tile\/(entries|\d{1,2})\/((?:x\d{3}\/){0,5}\d{3})(?:\.p\/(\d{1,3}))?$/u.exec(path)
  const [, level = "", digits = "", part] = found ?? []
  const name: TileName = {
    level: level === "entries" ? level : Number(level),
    index: Number(digits.replaceAll(/[x/]/gu, "")),
    width: part === undefined ? tileWidth : Number(part),
  }
  const isLevel = name.level === "entries" || name.level <= levelMax
  const isWidth = name.width >= 1 && name.width <= tileWidth
  const isOne = found !== null && isLevel && isWidth && Number.isSafeInteger(name.index)
  if (!isOne || tilePath(name) !== path) throw malformed("this is no path of a tile")
  return name
}

/** The hashes of a tile one after the other. */
export function encodeTile(hashes: readonly Digest[]): Uint8Array {
  return concatBytes(...hashes)
}

/** The hashes of a tile of this width, as views of its bytes. @throws {@link AmcError} `input/malformed` */
export function parseTile(bytes: Uint8Array, width: number): Digest[] {
  if (bytes.length !== width * hashSize)
    throw malformed(`a tile of ${width} hashes has another size`)
  return Array.from({ length: width }, (_, at) =>
    bytes.subarray(at * hashSize, (at + 1) * hashSize),
  )
}

/** How many hashes a level of a tree of this size has, partial tiles included. */
export function levelWidth(size: number, level: number): number {
  return Math.floor(size / tileWidth ** level)
}

/** How wide a tile of a tree of this size is; 0 if there is no such tile. */
export function widthOfTile({ level, index }: Omit<TileName, "width">, size: number): number {
  const width = levelWidth(size, level === "entries" ? 0 : level) - index * tileWidth
  return Math.max(0, Math.min(tileWidth, width))
}

/** All tiles and entry bundles of a tree of this size, level by level, the entries first. */
export function* tilesOf(size: number): Generator<TileName, void, undefined> {
  yield* tilesOfLevel("entries", levelWidth(size, 0))
  for (let level = 0; levelWidth(size, level) > 0; level++)
    yield* tilesOfLevel(level, levelWidth(size, level))
}

/** The partial tiles of a tree of this size. */
export function partialTilesOf(size: number): TileName[] {
  const found: TileName[] = []
  for (let level = 0; levelWidth(size, level) > 0; level++) {
    const [index, width] = [
      Math.floor(levelWidth(size, level) / tileWidth),
      levelWidth(size, level),
    ]
    const rest = width - index * tileWidth
    if (rest === 0) continue
    if (level === 0) found.push({ level: "entries", index, width: rest })
    found.push({ level, index, width: rest })
  }
  return found
}

/** In which tile the leaves' end of a complete subtree lies, and which of the tile's hashes are its own. */
export function tileOfSubtree({ height, index }: Subtree): {
  readonly level: number
  readonly index: number
  readonly from: number
  readonly to: number
} {
  const level = Math.floor(height / tileHeight)
  const count = 2 ** (height % tileHeight)
  const first = index * count
  const tile = Math.floor(first / tileWidth)
  const from = first - tile * tileWidth
  return { level, index: tile, from, to: from + count }
}

function* tilesOfLevel(
  level: TileName["level"],
  width: number,
): Generator<TileName, void, undefined> {
  for (let index = 0; index * tileWidth < width; index++)
    yield { level, index, width: Math.min(tileWidth, width - index * tileWidth) }
}

/** Groups of three digits, all but the last with an `x` before them. */
function indexPath(index: number): string {
  const digits = String(index)
  const padded = digits.padStart(Math.ceil(digits.length / 3) * 3, "0")
  const groups = padded.match(/\d{3}/gu) ?? []
  return groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join("/")
}
