import { lstatSync } from "node:fs"
import { AmcError, isFault } from "@amc/core"
import {
  clearFailures,
  countFailure,
  findUnlocked,
  readPassphraseFile,
  requireNoBackOff,
  type SlotName,
  WrongPassphrase,
} from "@amc/vault"
import type { StateHome } from "./state-home.ts"

/** The workspace whose vault is to be opened. */
export interface VaultPlace {
  readonly workspace: string
  readonly state: StateHome
}

/** One place where a slot's passphrase may be; null if it is not there. The caller wipes it. */
type Source = (place: VaultPlace, slot: SlotName) => Promise<Uint8Array | null>

const given: Source = async ({ state }, slot) => state.passphrases.given(slot)
const asked: Source = async ({ state }, slot) => state.passphrases.asked(slot)
const environment: Source = async ({ state }) => state.passphrases.environment()

/** What `amc init` wrote, unless its owner has taken it away. */
const generated: Source = async ({ workspace, state }, slot) => {
  const path = state.passphrasePath(workspace, slot)
  return lstatSync(path, { throwIfNoEntry: false }) === undefined ? null : readPassphraseFile(path)
}

const lent: Source = async ({ workspace, state }, slot) => {
  if (slot !== "monitor") return null
  const unlocked = await findUnlocked(state.unlockedPath(workspace))
  return unlocked?.slots.includes(slot) === true ? unlocked.lendMonitor() : null
}

const ordinary: readonly Source[] = [given, lent, generated, asked]
/** To unlock is what a person does: what was generated comes after what is typed. */
const unlocking: readonly Source[] = [given, asked, generated, environment]

export type Found = ReadonlyMap<SlotName, Uint8Array>

/**
 * Uses the passphrase of a slot: what the command line names, else what an unlocked notary lends, else the
 * generated one, else what the person at the terminal types. It is wiped afterwards.
 *
 * @throws {@link AmcError} `vault/locked`, `vault/backing-off`, `vault/unsafe-file`, and what `use` throws
 */
export function withPassphrase<T>(
  place: VaultPlace,
  slot: SlotName,
  use: (passphrase: Uint8Array) => Promise<T>,
): Promise<T> {
  return withPassphrases(place, [slot], (found) => use(found.get(slot) ?? new Uint8Array()))
}

/** The same for several slots at once. A wrong one counts once, for the slot that it is about. */
export function withPassphrases<T>(
  place: VaultPlace,
  slots: readonly SlotName[],
  use: (found: Found) => Promise<T>,
): Promise<T> {
  return counted(place, slots, () => withFound(place, slots, ordinary, use))
}

/** The same for unlocking, where the environment may be the last resort. */
export function withUnlockingPassphrases<T>(
  place: VaultPlace,
  slots: readonly SlotName[],
  use: (found: Found) => Promise<T>,
): Promise<T> {
  return counted(place, slots, () => withFound(place, slots, unlocking, use))
}

/** Refuses a try that comes too soon, counts a wrong one, and forgets the wrong ones after a right one. */
async function counted<T>(
  { workspace, state }: VaultPlace,
  slots: readonly SlotName[],
  attempt: () => Promise<T>,
): Promise<T> {
  const path = state.failuresPath(workspace)
  for (const slot of slots) requireNoBackOff(path, slot, state.passphrases.clock())
  try {
    const result = await attempt()
    await clearFailures(path, slots)
    return result
  } catch (error) {
    const slot = wrongSlot(error, slots)
    if (slot !== undefined) {
      state.folderOf(workspace)
      await countFailure(path, slot, state.passphrases.clock())
    }
    throw error
  }
}

/** Only the notary's fault names its slot; another comes from whoever was given one alone, or the lane's key. */
function wrongSlot(error: unknown, slots: readonly SlotName[]): SlotName | undefined {
  if (error instanceof WrongPassphrase) return error.slot
  if (!isFault(error, "vault/wrong-passphrase")) return undefined
  return slots.includes("monitor") ? "monitor" : slots[0]
}

async function withFound<T>(
  place: VaultPlace,
  slots: readonly SlotName[],
  sources: readonly Source[],
  use: (found: Found) => Promise<T>,
): Promise<T> {
  const found = new Map<SlotName, Uint8Array>()
  try {
    for (const slot of slots) found.set(slot, await find(place, slot, sources))
    return await use(found)
  } finally {
    for (const passphrase of found.values()) passphrase.fill(0)
  }
}

async function find(
  place: VaultPlace,
  slot: SlotName,
  sources: readonly Source[],
): Promise<Uint8Array> {
  for (const source of sources) {
    const passphrase = await source(place, slot)
    if (passphrase !== null) return passphrase
  }
  const hint = slot === "root" ? `give it with --passphrase-file root=<file>` : "amc vault unlock"
  throw new AmcError("vault/locked", `the passphrase of the slot ${slot} is not at hand`, { hint })
}
