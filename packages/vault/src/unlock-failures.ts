import { setTimeout as delay } from "node:timers/promises"
import { AmcError, canonicalize, concatBytes, isFault, parseCanonical, utf8 } from "@amc/core"
import { z } from "zod"
import { replaceFile } from "./durable-file.ts"
import { withFileLock } from "./file-lock.ts"
import { readPrivateFile } from "./private-file.ts"
import { type SlotName, slotNames } from "./vault-header.ts"

const slot = z.enum(slotNames)
const failureSchema = z.strictObject({ slot, at_ms: z.int().min(0), count: z.int().min(1) })
const failuresSchema = z.strictObject({
  schema: z.literal("amc.unlock-failures/v1"),
  in_a_row: z.array(failureSchema).max(slotNames.length),
  unrecorded: z.array(failureSchema),
})
type Failures = z.infer<typeof failuresSchema>

/** A wrong passphrase: for which slot, when, and the how manieth in a row it was. */
export type UnlockFailure = z.infer<typeof failureSchema>

/** What status says of a slot's wrong passphrases. */
export interface FailureState {
  readonly count: number
  readonly waitMs: number
}

/** From so many wrong passphrases in a row on, the next try has to wait. */
const freeTries = 3
const longestWaitMs = 300_000
/** What is kept for the ledger; beyond it the last entry stands for the others, and its count says how many. */
const mostUnrecorded = 256
const maxSize = 65_536

/**
 * Refuses a try that comes too soon after wrong ones (spec/vault.md, rule 16), before it costs a key
 * derivation. A clock that was set back ends the wait.
 *
 * @throws {@link AmcError} `vault/backing-off`; `input/malformed`, `vault/unsafe-file`
 */
export function requireNoBackOff(path: string, name: SlotName, now: number): void {
  const { count, waitMs } = failureState(path, name, now)
  if (waitMs === 0) return
  const seconds = Math.ceil(waitMs / 1000)
  throw new AmcError(
    "vault/backing-off",
    `after ${count} wrong passphrases in a row, the slot ${name} takes the next in ${seconds} s`,
    { hint: `wait ${seconds} s, then try again` },
  )
}

/** How a slot stands. @throws {@link AmcError} `input/malformed`, `vault/unsafe-file` */
export function failureState(path: string, name: SlotName, now: number): FailureState {
  const last = read(path).in_a_row.find((entry) => entry.slot === name)
  if (last === undefined) return { count: 0, waitMs: 0 }
  const [wait, elapsed] = [waitAfter(last.count), now - last.at_ms]
  return { count: last.count, waitMs: elapsed < 0 ? 0 : Math.max(0, wait - elapsed) }
}

function waitAfter(count: number): number {
  return count < freeTries ? 0 : Math.min(longestWaitMs, 1000 * 2 ** (count - freeTries))
}

/** Counts a wrong passphrase, and keeps it for the ledger. @throws {@link AmcError} `store/conflict`, `workspace/unwritable` */
export async function countFailure(path: string, name: SlotName, now: number): Promise<void> {
  await change(path, ({ in_a_row, unrecorded, schema }) => {
    const count = (in_a_row.find((entry) => entry.slot === name)?.count ?? 0) + 1
    const failure = { slot: name, at_ms: now, count }
    const others = in_a_row.filter((entry) => entry.slot !== name)
    const kept = unrecorded.slice(0, mostUnrecorded - 1)
    return { schema, in_a_row: [...others, failure], unrecorded: [...kept, failure] }
  })
}

/** Forgets the wrong passphrases of slots that were opened since; what the ledger has to be told stays. */
export async function clearFailures(path: string, names: readonly SlotName[]): Promise<void> {
  if (!read(path).in_a_row.some(({ slot }) => names.includes(slot))) return
  await change(path, ({ in_a_row, ...rest }) => ({
    ...rest,
    in_a_row: in_a_row.filter(({ slot }) => !names.includes(slot)),
  }))
}

/** The wrong passphrases that the ledger was not told of. @throws {@link AmcError} `input/malformed` */
export function unrecordedFailures(path: string): readonly UnlockFailure[] {
  return read(path).unrecorded
}

/** Forgets what the ledger was told of; call it only when that is durable. */
export async function forgetRecorded(
  path: string,
  recorded: readonly UnlockFailure[],
): Promise<void> {
  if (recorded.length === 0) return
  const told = new Set(recorded.map(keyOf))
  await change(path, ({ unrecorded, ...rest }) => ({
    ...rest,
    unrecorded: unrecorded.filter((failure) => !told.has(keyOf(failure))),
  }))
}

function keyOf({ slot, at_ms, count }: UnlockFailure): string {
  return `${slot} ${at_ms} ${count}`
}

function read(path: string): Failures {
  try {
    const bytes = readPrivateFile(path, { maxSize, missing: "vault/missing" })
    return failuresSchema.parse(parseCanonical(bytes.subarray(0, -1)))
  } catch (cause) {
    if (isFault(cause, "vault/missing"))
      return { schema: "amc.unlock-failures/v1", in_a_row: [], unrecorded: [] }
    if (isFault(cause, "vault/unsafe-file")) throw cause
    throw new AmcError(
      "input/malformed",
      `${path} can't be read as the list of wrong passphrases`,
      {
        cause,
        hint: `remove ${path}; it is written again`,
      },
    )
  }
}

async function change(path: string, next: (failures: Failures) => Failures): Promise<void> {
  await whenFree(() =>
    withFileLock(path, () =>
      replaceFile(path, concatBytes(canonicalize(next(read(path))), utf8("\n"))),
    ),
  )
}

/** Other commands hold the lock for a moment only; a try must not go uncounted for that. */
async function whenFree(step: () => void): Promise<void> {
  for (let triesLeft = 200; ; triesLeft--)
    try {
      return step()
    } catch (error) {
      if (!isFault(error, "store/conflict") || triesLeft === 0) throw error
      await delay(10)
    }
}
