import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Notary, readPassphraseFile, startNotary, vaultPathOf } from "@amc/vault"
import type { StateHome } from "./state-home.ts"

export interface NotaryPlace {
  readonly dir: string
  readonly workspace: string
  readonly state: StateHome
}

/** A notary of a workspace, with the folder of its socket; closing it removes both. */
export interface OwnNotary {
  readonly notary: Notary
  /** A private folder with a short path, fit for unix sockets. */
  readonly runDir: string
  close(): Promise<void>
}

/**
 * Starts a notary with the auditor's and the monitor's slots open, by the passphrases that were
 * generated for this workspace.
 *
 * @throws {@link AmcError} `vault/locked`, `vault/wrong-passphrase`, `notary/unavailable`
 */
export async function openNotary({ dir, workspace, state }: NotaryPlace): Promise<OwnNotary> {
  const runDir = mkdtempSync(join(tmpdir(), "amc-"))
  const slots: { slot: "auditor" | "monitor"; passphrase: Uint8Array }[] = []
  try {
    for (const slot of ["auditor", "monitor"] as const)
      slots.push({ slot, passphrase: readPassphraseFile(state.passphrasePath(workspace, slot)) })
    const notary = await startNotary({
      vaultPath: vaultPathOf(dir),
      socketPath: join(runDir, "notary", "socket"),
      slots,
    })
    return { notary, runDir, close: () => closeAll(notary, runDir) }
  } catch (error) {
    rmSync(runDir, { recursive: true, force: true })
    throw error
  } finally {
    for (const { passphrase } of slots) passphrase.fill(0)
  }
}

/** Does something with a notary that is closed afterwards, whatever happens. */
export async function withNotary<T>(
  place: NotaryPlace,
  use: (notary: Notary) => Promise<T>,
): Promise<T> {
  const own = await openNotary(place)
  try {
    return await use(own.notary)
  } finally {
    await own.close()
  }
}

async function closeAll(notary: Notary, runDir: string): Promise<void> {
  await notary.close()
  rmSync(runDir, { recursive: true, force: true })
}
