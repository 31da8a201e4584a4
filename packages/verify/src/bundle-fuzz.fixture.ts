import { readArchive } from "@amc/bundle"
import { bundleManifestPath, equalBytes, isFault, parseBundleManifest } from "@amc/core"
import { type Dice, pick } from "@amc/testkit"
import { listAnew, mallory, withFiles, withManifestBy, world } from "./bundle-judge.fixture.ts"
import { bundleOf, makeRun, openRun, partsOf } from "./bundle.fixture.ts"
import { type VerifiedBundle, verifyBundle } from "./bundle.ts"
import { diffEvidence } from "./evidence-diff.ts"
import { consumer, policyFor, signedPolicy } from "./gate.fixture.ts"
import { verifyGate } from "./gate.ts"
import { recordSession } from "./lane.fixture.ts"
import { startMs } from "./world.fixture.ts"

/** Two honest bundles of one ledger. */
const originals: readonly [Uint8Array, Uint8Array] = await (async () => {
  const first = makeRun(world, 1)
  const before = await bundleOf(partsOf(first), world)
  recordSession(first.lane, "s-later")
  const second = { ...first, runOpened: openRun(first.lane, "run-2") }
  return [before, await bundleOf(partsOf(second, [4, 9]), world)] as const
})()

const policy = { rootSha256: world.rootSha256, atMs: startMs }
const accepted = await Promise.all(originals.map(read))
const gate = signedPolicy(policyFor(world))

async function read(bundle: Uint8Array): Promise<VerifiedBundle | null> {
  const verdict = await verifyBundle(bundle, policy)
  return verdict.accepted ? verdict.value : null
}

/** Who signs a changed bundle anew; nobody leaves the signatures as they were. */
export type Signing = "nobody" | "list" | "stranger" | "owner"

/** A bundle that somebody changed. */
export interface Mutant {
  readonly kind: string
  readonly signing: Signing
  readonly bytes: Uint8Array
}

/** The mutant of these dice; null where what they say can't be built. */
export async function mutantOf(dice: Dice): Promise<Mutant | null> {
  const at = dice() < 0.5 ? 0 : 1
  const [own, other] = at === 0 ? originals : [originals[1], originals[0]]
  if (dice() < 0.3) {
    const [kind, edit] = pick(dice, archiveEdits)
    return { kind, signing: "nobody", bytes: edit(own, dice, other) }
  }
  const [kind, edit] = pick(dice, fileEdits)
  const signing = pick(dice, ["nobody", "list", "stranger", "owner"] as const)
  const others = await readArchive(other)
  const change = (files: Map<string, Uint8Array>): void => void edit(files, dice, others)
  try {
    return { kind, signing, bytes: await signed(signing, change, own) }
  } catch (error) {
    // Names that no archive can hold, and manifests that nobody would sign.
    if (isFault(error)) return null
    throw error
  }
}

function signed(
  signing: Signing,
  change: (files: Map<string, Uint8Array>) => void,
  bundle: Uint8Array,
): Promise<Uint8Array> {
  if (signing === "owner") return withManifestBy(world.signers.auditor, change, bundle)
  if (signing === "stranger") return withManifestBy(mallory.signers.auditor, change, bundle)
  return withFiles((files) => {
    change(files)
    if (signing === "list") listAnew(files, world.signers.release)
  }, bundle)
}

/** What all who read bundles make of a mutant. */
export interface Judged {
  readonly isAccepted: boolean
  /** Whether nothing of it was changed after all. */
  readonly isOriginal: boolean
  /** What is wrong with that; null if nothing is. */
  readonly fault: string | null
}

/** Has a mutant verified, inspected, compared and gated. */
export async function judgeMutant({ signing, bytes }: Mutant): Promise<Judged> {
  const found = await read(bytes)
  const files = await inspect(bytes)
  const { bundles } = await verifyGate(
    { bundle: bytes, previous: originals[0], policy: gate },
    { rootSha256: consumer.rootSha256, nowMs: startMs, atMs: startMs },
  )
  const isAccepted = found !== null
  const isOriginal = originals.some((original) => equalBytes(original, bytes))
  const told = (fault: string | null): Judged => ({ isAccepted, isOriginal, fault })
  if ((bundles.length === 2) !== isAccepted) return told("the gate and the verifier disagree")
  if (found === null) return told(isOriginal ? "an honest bundle is refused" : null)
  if (files === null) return told("it is accepted, and can't be inspected")
  diffEvidence(found, accepted[0] as VerifiedBundle)
  if (isOriginal) return told(null)
  if (signing !== "owner") return told("a bundle that the owner did not sign is accepted")
  return told(saysTheSame(found) ? null : "what the owner signed anew says something else")
}

/** The owner may put the same evidence together otherwise, and say nothing else of the run. */
function saysTheSame({ summary, evidence }: VerifiedBundle): boolean {
  const same = accepted.find((one) => one?.summary.run_id === summary.run_id)
  const told = ({ report, events, agent, trust_label }: VerifiedBundle["summary"]): string =>
    JSON.stringify([report, events, agent, trust_label])
  const hashes = (of: VerifiedBundle["evidence"]): string =>
    of.events.map(({ hash }) => hash).join("\n")
  return (
    same !== undefined &&
    same !== null &&
    told(same.summary) === told(summary) &&
    hashes(same.evidence) === hashes(evidence)
  )
}

/** As `amc bundle inspect` does; null where it refuses. */
async function inspect(bytes: Uint8Array): Promise<readonly string[] | null> {
  try {
    const files = await readArchive(bytes)
    parseBundleManifest(files.get(bundleManifestPath) ?? new Uint8Array())
    return [...files.keys()]
  } catch (error) {
    if (isFault(error)) return null
    throw error
  }
}

type Edit<T> = readonly [kind: string, edit: T]
type ArchiveEdit = (bytes: Uint8Array, dice: Dice, other: Uint8Array) => Uint8Array
type FileEdit = (
  files: Map<string, Uint8Array>,
  dice: Dice,
  other: ReadonlyMap<string, Uint8Array>,
) => unknown

const below = (dice: Dice, limit: number): number => Math.floor(dice() * limit)

function with_(bytes: Uint8Array, change: (copy: Uint8Array) => unknown): Uint8Array {
  const copy = Uint8Array.from(bytes)
  change(copy)
  return copy
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}

const block = 512
const none = new Uint8Array()

/** Where headers are: every block that says `ustar`. */
function headersOf(bytes: Uint8Array): readonly number[] {
  const all = Array.from({ length: Math.floor(bytes.length / block) }, (_, at) => at * block)
  return all.filter((at) => Buffer.from(bytes.subarray(at + 257, at + 262)).toString() === "ustar")
}

/** Writes a field of a header, and its checksum as it must be then. */
function withField(bytes: Uint8Array, at: number, from: number, text: string): Uint8Array {
  return with_(bytes, (copy) => {
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

const archiveEdits: readonly Edit<ArchiveEdit>[] = [
  [
    "a bit",
    (bytes, dice) =>
      with_(bytes, (copy) => ((copy[below(dice, copy.length)] as number) ^= 1 << below(dice, 8))),
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
  return with_(
    bytes,
    (copy) => ((copy[next - 1 - below(dice, 8)] as number) ^= 1 + below(dice, 255)),
  )
}

const anyFile = (files: ReadonlyMap<string, Uint8Array>, dice: Dice): string =>
  pick(dice, [...files.keys()])

const jsonFile = (files: ReadonlyMap<string, Uint8Array>, dice: Dice): string =>
  pick(
    dice,
    [...files.keys()].filter((path) => path.endsWith(".json")),
  )

const fileEdits: readonly Edit<FileEdit>[] = [
  ["a file left out", (files, dice) => files.delete(anyFile(files, dice))],
  [
    "a file more",
    (files, dice) => files.set(pick(dice, strayNames), new Uint8Array(below(dice, 2000))),
  ],
  [
    "a file of another bundle",
    (files, dice, other) => {
      const path = anyFile(other, dice)
      files.set(path, other.get(path) ?? none)
    },
  ],
  [
    "two files exchanged",
    (files, dice) => {
      const [one, two] = [anyFile(files, dice), anyFile(files, dice)]
      const [a, b] = [files.get(one) ?? none, files.get(two) ?? none]
      files.set(one, b).set(two, a)
    },
  ],
  [
    "a file renamed",
    (files, dice) => {
      const path = anyFile(files, dice)
      files.set(pick(dice, strayNames), files.get(path) ?? none)
      files.delete(path)
    },
  ],
  [
    "bytes of a file",
    (files, dice) => edited(files, anyFile(files, dice), (bytes) => bytesChanged(bytes, dice)),
  ],
  [
    "bytes of the evidence",
    (files, dice) => edited(files, evidenceIn(files, dice), (bytes) => bytesChanged(bytes, dice)),
  ],
  [
    "entries of the evidence",
    (files, dice) => edited(files, evidenceIn(files, dice), (bytes) => entriesChanged(bytes, dice)),
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

const evidenceIn = (files: ReadonlyMap<string, Uint8Array>, dice: Dice): string =>
  pick(
    dice,
    [...files.keys()].filter((path) => path.startsWith("evidence/")),
  )
const proofsIn = (files: ReadonlyMap<string, Uint8Array>): string =>
  [...files.keys()].find((path) => path.startsWith("proofs/")) ?? "proofs/main.json"

function bytesChanged(bytes: Uint8Array, dice: Dice): Uint8Array {
  const at = below(dice, bytes.length + 1)
  const some = Uint8Array.from({ length: 1 + below(dice, 9) }, () => below(dice, 256))
  return pick(dice, [
    () => with_(bytes, (copy) => (copy[at] = below(dice, 256))),
    () => joined(bytes.subarray(0, at), some, bytes.subarray(at)),
    () => joined(bytes.subarray(0, at), bytes.subarray(at + some.length)),
    () => bytes.subarray(0, at),
    () => joined(bytes, bytes),
    () => new Uint8Array(),
  ])()
}

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
          with_(a, (copy) => ((copy[1] as number) ^= 1 << below(dice, 4))),
        ),
      () =>
        entries.with(
          one,
          with_(a, (copy) => ((copy[20 + below(dice, 120)] as number) ^= 1)),
        ),
    ])(),
  )
}

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

const values: readonly (() => Json)[] = [
  () => null,
  () => true,
  () => 0,
  () => -1,
  () => 2 ** 53,
  () => 1.5,
  () => "",
  () => "\ud800",
  () => "é",
  () => [],
  () => ({}),
  () => "0".repeat(64),
  () => [[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]],
  () => ({ __proto__x: 1 }),
  () => "run-2",
  () => "other",
  () => Number.MAX_SAFE_INTEGER,
]

function jsonChanged(bytes: Uint8Array, dice: Dice): Uint8Array {
  const value = parsed(bytes)
  if (value === undefined) return bytesChanged(bytes, dice)
  return Buffer.from(JSON.stringify(changedValue(value, dice)))
}

function changedValue(value: Json, dice: Dice): Json {
  if (dice() < 0.15 || value === null || typeof value !== "object") return pick(dice, values)()
  if (Array.isArray(value)) {
    const at = below(dice, value.length)
    return pick(dice, [
      () => value.toSpliced(at, 1),
      () => [...value, ...value.slice(at, at + 1)],
      () => value.toReversed(),
      () =>
        value.length === 0
          ? [pick(dice, values)()]
          : value.with(at, changedValue(value[at] as Json, dice)),
    ])()
  }
  const key = pick(dice, Object.keys(value))
  if (key === undefined) return { more: 1 }
  const { [key]: old, ...rest } = value
  return pick(dice, [
    () => rest,
    () => ({ ...value, [`${key}2`]: old as Json }),
    () => ({ ...value, [key]: changedValue(old as Json, dice) }),
    () => ({ ...value, [key]: changedValue(old as Json, dice) }),
  ])()
}

function spelledOtherwise(bytes: Uint8Array, dice: Dice): Uint8Array {
  const text = Buffer.from(bytes).toString()
  const key = /"([a-z_]+)":/u.exec(text)?.[1] ?? "a"
  return Buffer.from(
    pick(dice, [
      () => ` ${text}`,
      () => `${text}\n`,
      () => `\uFEFF${text}`,
      () => text.replace("{", `{"${key}":0,`),
      () =>
        text.replace(
          /"([a-z])/u,
          (_, letter: string) => `"\\u00${letter.charCodeAt(0).toString(16)}`,
        ),
      () => text.replace(/:(\d+)/u, ":$1.0"),
      () => text.replace(/:(\d+)/u, ":$1e0"),
      () => JSON.stringify(parsed(bytes) ?? null, null, 1),
    ])(),
  )
}

function linesChanged(bytes: Uint8Array, dice: Dice): Uint8Array {
  const lines = Buffer.from(bytes).toString().split("\n")
  const at = below(dice, lines.length)
  const line = pick(dice, ["", "x", "9", "— demo/ledger AAAA", lines[at] ?? "", "— other AAAAAAAA"])
  return Buffer.from(
    pick(dice, [
      () => lines.toSpliced(at, 1),
      () => lines.toSpliced(at, 0, line),
      () => lines.with(at, line),
    ])().join("\n"),
  )
}

function parsed(bytes: Uint8Array): Json | undefined {
  try {
    return JSON.parse(Buffer.from(bytes).toString()) as Json
  } catch {
    // Not every file is JSON, and those that are may be changed already.
    return undefined
  }
}

/** What is small to send and large to read. */
const bombs: readonly (() => Uint8Array)[] = [
  () => Buffer.from("[".repeat(100_000)),
  () => Buffer.from(`${'{"a":'.repeat(20_000)}1${"}".repeat(20_000)}`),
  () => Buffer.from(`{"files":[${'{"path":"a","size":1,"sha256":""},'.repeat(20_000)}{}]}`),
  () => Buffer.from(`{"hashes":[],"indices":[${"0,".repeat(500_000)}0],"sizes":[]}`),
  () => Buffer.from(`{"hashes":[],"indices":[],"sizes":[${"1,".repeat(100_000)}1]}`),
  () => Buffer.from(`"${"a".repeat(3_000_000)}"`),
  () => Buffer.from(`[${"0".repeat(1_000_000)}]`),
  () => Buffer.from(`a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nd: [*c,*c]\n`),
  () => new Uint8Array(2_000_000),
  () => Buffer.alloc(2_000_000, 0xff),
]
