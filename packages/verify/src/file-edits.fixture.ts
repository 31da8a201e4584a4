import { type Dice, pick } from "@amc/testkit"
import { below, bytesChanged, changedCopy, type Edit, joined } from "./byte-edits.fixture.ts"
import { bombs, jsonChanged, linesChanged, spelledOtherwise } from "./json-edits.fixture.ts"

/** Changes the files of an archive, by their paths; `other` has those of another honest one. */
export type FileEdit = (
  files: Map<string, Uint8Array>,
  dice: Dice,
  other: ReadonlyMap<string, Uint8Array>,
) => unknown

const anyFile = (files: ReadonlyMap<string, Uint8Array>, dice: Dice): string =>
  pick(dice, [...files.keys()])

const jsonFile = (files: ReadonlyMap<string, Uint8Array>, dice: Dice): string =>
  pick(
    dice,
    [...files.keys()].filter((path) => path.endsWith(".json")),
  )

export const fileEdits: readonly Edit<FileEdit>[] = [
  ["a file left out", (files, dice) => files.delete(anyFile(files, dice))],
  [
    "a file more",
    (files, dice) => files.set(pick(dice, strayNames), new Uint8Array(below(dice, 2000))),
  ],
  [
    "a file of another bundle",
    (files, dice, other) => {
      const path = anyFile(other, dice)
      files.set(path, other.get(path) ?? new Uint8Array())
    },
  ],
  [
    "two files exchanged",
    (files, dice) => {
      const [one, two] = [anyFile(files, dice), anyFile(files, dice)]
      const [a, b] = [files.get(one) ?? new Uint8Array(), files.get(two) ?? new Uint8Array()]
      files.set(one, b).set(two, a)
    },
  ],
  [
    "a file renamed",
    (files, dice) => {
      const path = anyFile(files, dice)
      files.set(pick(dice, strayNames), files.get(path) ?? new Uint8Array())
      files.delete(path)
    },
  ],
  [
    "bytes of a file",
    (files, dice) => edited(files, anyFile(files, dice), (bytes) => bytesChanged(bytes, dice)),
  ],
  [
    "bytes of the evidence",
    (files, dice) => edited(files, entriesIn(files, dice), (bytes) => bytesChanged(bytes, dice)),
  ],
  [
    "entries of the evidence",
    (files, dice) => edited(files, entriesIn(files, dice), (bytes) => entriesChanged(bytes, dice)),
  ],
  [
    "signatures of the evidence",
    (files, dice) => edited(files, linesIn(files, dice), (bytes) => linesChanged(bytes, dice)),
  ],
  [
    "a value of json",
    (files, dice) => edited(files, jsonFile(files, dice), (bytes) => jsonChanged(bytes, dice)),
  ],
  [
    "another spelling of json",
    (files, dice) => edited(files, jsonFile(files, dice), (bytes) => spelledOtherwise(bytes, dice)),
  ],
  [
    "the proofs",
    (files, dice) => edited(files, proofsIn(files), (bytes) => jsonChanged(bytes, dice)),
  ],
  [
    "lines of the checkpoint",
    (files, dice) => edited(files, "checkpoint", (bytes) => linesChanged(bytes, dice)),
  ],
  [
    "a bomb",
    (files, dice) => {
      const path = dice() < 0.7 ? jsonFile(files, dice) : anyFile(files, dice)
      files.set(path, pick(dice, bombs)())
    },
  ],
]

const strayNames = [
  "a",
  "evidence/main/other.entries",
  "evidence/other/_system.entries",
  "proofs/other.json",
  "trust/roots/2.json",
  `trust/keys/${"0".repeat(64)}.json`,
  `payloads/${"0".repeat(64)}`,
  "config/other.yaml",
  "config/gateway.yaml.sig",
  `changes/${"0".repeat(64)}.dsse.json`,
  "manifest.json",
  "SHA256SUMS",
  "Checkpoint",
  "run/report.json/x",
]

function edited(
  files: Map<string, Uint8Array>,
  path: string,
  change: (bytes: Uint8Array) => Uint8Array,
): void {
  files.set(path, change(files.get(path) ?? new Uint8Array()))
}

const endingIn =
  (end: string) =>
  (files: ReadonlyMap<string, Uint8Array>, dice: Dice): string =>
    pick(
      dice,
      [...files.keys()].filter((path) => path.endsWith(end)),
    )
const entriesIn = endingIn(".entries")
const linesIn = endingIn(".signatures")
const proofsIn = (files: ReadonlyMap<string, Uint8Array>): string =>
  [...files.keys()].find((path) => path.startsWith("proofs/")) ?? "proofs/main.json"

/** Leaves left out, repeated, moved or cut, in their framing. */
function entriesChanged(bytes: Uint8Array, dice: Dice): Uint8Array {
  const entries: Uint8Array[] = []
  for (let at = 0; at + 2 <= bytes.length;) {
    const end = at + 2 + (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0)
    entries.push(bytes.subarray(at, end))
    at = end
  }
  const [one, two] = [below(dice, entries.length), below(dice, entries.length)]
  const [a, b] = [entries[one] ?? new Uint8Array(2), entries[two] ?? new Uint8Array(2)]
  return joined(
    ...pick(dice, [
      () => entries.toSpliced(one, 1),
      () => entries.toSpliced(one, 0, b),
      () => entries.with(one, b).with(two, a),
      () => entries.slice(0, one),
      () => entries.toSpliced(one, 0, Uint8Array.of(0, 0)),
      () =>
        entries.with(
          one,
          changedCopy(a, (copy) => ((copy[1] as number) ^= 1 << below(dice, 4))),
        ),
      () =>
        entries.with(
          one,
          changedCopy(a, (copy) => ((copy[20 + below(dice, 120)] as number) ^= 1)),
        ),
    ])(),
  )
}
