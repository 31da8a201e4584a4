import { AmcError, type Event, type Finding, isFault } from "@amc/core"
import type { SqliteLedger } from "@amc/store-sqlite"
import { vaultPathOf, type VaultState, vaultState } from "@amc/vault"
import { eventOf } from "./ledger-reader.ts"
import type { Workspace } from "./workspace.ts"

/** The newer of a known vault and the one that an event names, if it names one. */
export function newerVault(known: VaultState | null, event: Event): VaultState | null {
  if (event.type !== "vault_generation") return known
  const { generation, vault_sha256 } = event.facts.measured
  return generation >= (known?.generation ?? 0) ? { generation, sha256: vault_sha256 } : known
}

/**
 * The newest vault that the ledger names, or null. It is looked up by an index, which is quick and which whoever
 * has the database may falsify: a verifier walks the rows.
 *
 * @throws {@link AmcError} `input/malformed`
 */
export async function recordedVault(
  { lane }: Workspace,
  { events }: SqliteLedger,
): Promise<VaultState | null> {
  let newest: VaultState | null = null
  for await (const { leaf } of events.readType(lane, "vault_generation"))
    newest = newerVault(newest, eventOf(leaf))
  return newest
}

/**
 * Refuses a vault that is older than the one that the ledger names. Read `recorded` first: the vault is
 * written before its event.
 *
 * @throws {@link AmcError} `vault/damaged`, `vault/missing`, `vault/unsafe-file`
 */
export function requireRecordedVault({ dir }: Workspace, recorded: VaultState | null): void {
  const why = contradiction(vaultState(vaultPathOf(dir)), recorded)
  if (why === null) return
  throw new AmcError("vault/damaged", why, {
    hint: "put the newest vault file back; 'amc verify' tells more",
  })
}

/** What is wrong with the vault file in the light of the ledger. */
export function vaultFindings({ dir }: Workspace, recorded: VaultState | null): readonly Finding[] {
  const subject = "vault"
  try {
    const detail = contradiction(vaultState(vaultPathOf(dir)), recorded)
    return detail === null ? [] : [{ code: "vault/rolled-back", subject, detail, tampered: true }]
  } catch (error) {
    if (!isFault(error)) throw error
    const { code, message: detail } = error
    return [{ code, subject, detail, tampered: code === "vault/damaged" }]
  }
}

function contradiction(found: VaultState, recorded: VaultState | null): string | null {
  if (recorded === null || found.generation > recorded.generation) return null
  if (found.generation < recorded.generation)
    return `the vault is generation ${found.generation}, and the ledger names generation ${recorded.generation}`
  return found.sha256 === recorded.sha256
    ? null
    : `the vault is not the file that the ledger names as generation ${recorded.generation}`
}
