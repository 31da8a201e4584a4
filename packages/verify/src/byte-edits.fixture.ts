import { type Dice, pick } from "@amc/testkit"

/** What an edit is called, and the edit. */
export type Edit<T> = readonly [kind: string, edit: T]

export const below = (dice: Dice, limit: number): number => Math.floor(dice() * limit)

export function changedCopy(bytes: Uint8Array, change: (copy: Uint8Array) => unknown): Uint8Array {
  const copy = Uint8Array.from(bytes)
  change(copy)
  return copy
}

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}

/** Some bytes of a file written over, put in, left out or cut off. */
export function bytesChanged(bytes: Uint8Array, dice: Dice): Uint8Array {
  const at = below(dice, bytes.length + 1)
  const some = Uint8Array.from({ length: 1 + below(dice, 9) }, () => below(dice, 256))
  return pick(dice, [
    () => changedCopy(bytes, (copy) => (copy[at] = below(dice, 256))),
    () => joined(bytes.subarray(0, at), some, bytes.subarray(at)),
    () => joined(bytes.subarray(0, at), bytes.subarray(at + some.length)),
    () => bytes.subarray(0, at),
    () => joined(bytes, bytes),
    () => new Uint8Array(),
  ])()
}
