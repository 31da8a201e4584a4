import { type Dice, pick } from "@amc/testkit"
import { below, changedCopy, type Edit, joined } from "./byte-edits.fixture.ts"

/** Changes an archive without a look at what is in it; `other` is another honest one. */
export type ArchiveEdit = (bytes: Uint8Array, dice: Dice, other: Uint8Array) => Uint8Array

const block = 512

/** Where headers are: every block that says `ustar`. */
function headersOf(bytes: Uint8Array): readonly number[] {
  const all = Array.from({ length: Math.floor(bytes.length / block) }, (_, at) => at * block)
  return all.filter((at) => Buffer.from(bytes.subarray(at + 257, at + 262)).toString() === "ustar")
}

/** Writes a field of a header, and its checksum as it must be then. */
function withField(bytes: Uint8Array, at: number, from: number, text: string): Uint8Array {
  return changedCopy(bytes, (copy) => {
    copy.set(Buffer.from(text, "latin1"), at + from)
    copy.fill(0x20, at + 148, at + 156)
    const sum = copy.subarray(at, at + block).reduce((total, byte) => total + byte, 0)
    copy.set(Buffer.from(`${sum.toString(8).padStart(6, "0")}\0 `), at + 148)
  })
}

const field =
  (from: number, texts: readonly string[]): ArchiveEdit =>
  (bytes, dice) =>
    withField(bytes, pick(dice, headersOf(bytes)), from, pick(dice, texts))

export const archiveEdits: readonly Edit<ArchiveEdit>[] = [
  [
    "a bit",
    (bytes, dice) =>
      changedCopy(
        bytes,
        (copy) => ((copy[below(dice, copy.length)] as number) ^= 1 << below(dice, 8)),
      ),
  ],
  ["cut short", (bytes, dice) => bytes.subarray(0, below(dice, bytes.length))],
  ["blocks cut off", (bytes, dice) => bytes.subarray(0, block * below(dice, bytes.length / block))],
  ["zeros after it", (bytes, dice) => joined(bytes, new Uint8Array(block * (1 + below(dice, 40))))],
  ["another after it", (bytes, _dice, other) => joined(bytes, other)],
  ["another before its end", (bytes, _dice, other) => joined(bytes.subarray(0, -1024), other)],
  [
    "a block twice",
    (bytes, dice) => spliced(bytes, dice, (from, to) => [bytes.subarray(from, to)]),
  ],
  [
    "blocks of another",
    (bytes, dice, other) => spliced(bytes, dice, (from, to) => [other.subarray(from, to)]),
  ],
  ["blocks left out", (bytes, dice) => blocksOut(bytes, dice)],
  [
    "another size",
    field(124, [
      "77777777777\0",
      "00000000000\0",
      "00000000777\0",
      "\x80\0\0\0\0\0\0\x7f\xff\xff\xff\xff",
      "-0000000001\0",
      "           \0",
    ]),
  ],
  [
    "another kind of entry",
    field(156, ["1", "2", "3", "4", "5", "6", "7", "x", "g", "L", "K", "S", "\0"]),
  ],
  [
    "another name",
    field(0, [
      "../evil\0",
      "/etc/passwd\0",
      "manifest.json\0",
      "A\0",
      "évidence\0",
      "\0",
      "a/../b\0",
      `${"a/".repeat(45)}b\0`,
    ]),
  ],
  ["a prefix", field(345, ["evidence\0", "..\0", "\0"])],
  [
    "another mode, owner or time",
    (bytes, dice) =>
      field(pick(dice, [100, 108, 116, 136]), ["0000777\0", "0000001\0"])(bytes, dice, bytes),
  ],
  [
    "a link's target or owner's name",
    (bytes, dice) => field(pick(dice, [157, 265, 297]), ["root\0", "../x\0"])(bytes, dice, bytes),
  ],
  ["padding", (bytes, dice) => withPadding(bytes, dice)],
]

function spliced(
  bytes: Uint8Array,
  dice: Dice,
  between: (from: number, to: number) => readonly Uint8Array[],
): Uint8Array {
  const from = block * below(dice, bytes.length / block)
  const to = from + block * (1 + below(dice, 4))
  return joined(
    bytes.subarray(0, to),
    ...between(from, to),
    bytes.subarray(dice() < 0.5 ? to : to + (to - from)),
  )
}

function blocksOut(bytes: Uint8Array, dice: Dice): Uint8Array {
  const from = block * below(dice, bytes.length / block)
  return joined(bytes.subarray(0, from), bytes.subarray(from + block * (1 + below(dice, 6))))
}

/** Sets a byte that belongs to no file, if there is one near. */
function withPadding(bytes: Uint8Array, dice: Dice): Uint8Array {
  const next = pick(dice, headersOf(bytes).slice(1))
  return changedCopy(
    bytes,
    (copy) => ((copy[next - 1 - below(dice, 8)] as number) ^= 1 + below(dice, 255)),
  )
}
