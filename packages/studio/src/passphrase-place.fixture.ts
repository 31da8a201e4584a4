import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { SlotName } from "@amc/vault"
import { Passphrases, type PassphraseTerms } from "./passphrases.ts"
import { StateHome } from "./state-home.ts"
import { now, type Place } from "./workspace.fixture.ts"
import { openWorkspace, type Workspace } from "./workspace.ts"

export const slots = ["auditor", "monitor", "root"] as const

/** The workspace as a command finds it that was given these passphrases. */
export function givenTo({ top, folder }: Place, terms: Partial<PassphraseTerms> = {}): Workspace {
  const nothing = { clock: () => now, given: new Map(), ask: null, environment: null }
  const passphrases = new Passphrases({ ...nothing, ...terms })
  return openWorkspace(
    folder,
    new StateHome({ XDG_STATE_HOME: join(top, "state") }, passphrases),
    now,
  )
}

/** What an unlocked notary, a process of its own, goes by. */
export function realClock(): number {
  // oxlint-disable-next-line no-restricted-globals
  return Date.now()
}

/** Takes the generated passphrases of slots away, as a careful owner does. Gives where they are. */
export function takeAway(
  { top, workspace: { state, workspace } }: Place,
  taken: readonly SlotName[] = slots,
): (slot: SlotName) => string {
  const pathOf = (slot: SlotName): string => join(top, "safe", `passphrase.${slot}`)
  mkdirSync(join(top, "safe"), { recursive: true, mode: 0o700 })
  for (const slot of taken) renameSync(state.passphrasePath(workspace, slot), pathOf(slot))
  return pathOf
}

/** Something wrong where the generated passphrase lies. */
export function spoil({ workspace: { state, workspace } }: Place, slot: SlotName): () => void {
  const path = state.passphrasePath(workspace, slot)
  const right = readFileSync(path)
  writeFileSync(path, "wrong", { mode: 0o600 })
  return () => writeFileSync(path, right, { mode: 0o600 })
}
