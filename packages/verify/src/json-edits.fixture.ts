import { type Dice, pick } from "@amc/testkit"
import { below, bytesChanged } from "./byte-edits.fixture.ts"

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

/** One value left out, repeated, moved or put in place of another; of what is no JSON some bytes. */
export function jsonChanged(bytes: Uint8Array, dice: Dice): Uint8Array {
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

/** The same in another spelling, where there is one. */
export function spelledOtherwise(bytes: Uint8Array, dice: Dice): Uint8Array {
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

/** A line left out, put in or put in place of another. */
export function linesChanged(bytes: Uint8Array, dice: Dice): Uint8Array {
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
export const bombs: readonly (() => Uint8Array)[] = [
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
