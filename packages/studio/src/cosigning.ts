import { isFault, parseYaml, type WitnessesConfig, witnessesConfigSchema } from "@amc/core"
import { openLedger } from "@amc/store-sqlite"
import type { Capture } from "./capture.ts"
import type { KeptCheckpoint } from "./checkpointer.ts"
import { ledgerDir } from "./recorder-thread.ts"
import type { JudgedConfig } from "./judged-config.ts"
import { askWitnesses, type SignedTree } from "./witness-round.ts"
import type { Workspace } from "./workspace.ts"

export const witnessesConfigPath = "witnesses.yaml"

/** A checkpoint's note with the cosignatures that it got, and what the owner should know. */
export interface CosignedNote {
  readonly note: string
  readonly warnings: readonly string[]
}

/**
 * A checkpoint of all that is durable now, with what the witnesses say of it.
 *
 * @throws {@link AmcError} as `Capture.checkpoint`, and as {@link cosignCheckpoint}
 */
export async function makeCosigned(capture: Capture): Promise<CosignedNote & KeptCheckpoint> {
  const { checkpoint, note } = await capture.checkpoint()
  const config = capture.configs.get(witnessesConfigPath)
  const cosigned = await cosignCheckpoint(capture.workspace, { ...checkpoint, note }, config)
  return { checkpoint, ...cosigned }
}

/**
 * Has the witnesses of a signed `witnesses.yaml` cosign a checkpoint, all at once, and keeps the cosigned note beside
 * the first. Without such a file nobody is asked, and no network is touched.
 *
 * Never fails for what a witness does: one that is slow, dead or wrong is a warning. One that has seen more
 * of this ledger than there is, or another one, is a warning too, and the most serious that there can be.
 *
 * @throws {@link AmcError} `store/unavailable`
 */
export async function cosignCheckpoint(
  workspace: Workspace,
  tree: SignedTree,
  config: JudgedConfig | undefined,
): Promise<CosignedNote> {
  const { note } = tree
  if (config === undefined) return { note, warnings: [] }
  const witnesses = readWitnesses(config)
  if (typeof witnesses === "string") return { note, warnings: [witnesses] }
  const asked = await askWitnesses(workspace, tree, witnesses)
  const lines = asked.flatMap(({ line }) => line ?? [])
  const missing =
    lines.length < witnesses.quorum
      ? [
          `${lines.length} of ${witnesses.witnesses.length} witnesses cosigned the checkpoint, and ${witnessesConfigPath} asks for ${witnesses.quorum}`,
        ]
      : []
  const warnings = [...asked.flatMap(({ warning }) => warning ?? []), ...missing]
  if (lines.length === 0) return { note, warnings }
  const cosigned = note + lines.join("")
  await keepNote(workspace, tree.size, cosigned)
  return { note: cosigned, warnings }
}

/** The witnesses, or why nobody is asked: only the owner's signature says who may be dialled. */
function readWitnesses({ flaw, bytes, path }: JudgedConfig): WitnessesConfig | string {
  if (flaw !== null) return `no witness was asked: ${flaw.detail}`
  try {
    return parseYaml(bytes, witnessesConfigSchema, path)
  } catch (error) {
    if (!isFault(error)) throw error
    return `no witness was asked: ${error.message}`
  }
}

async function keepNote(workspace: Workspace, size: number, note: string): Promise<void> {
  const ledger = openLedger(ledgerDir(workspace))
  try {
    await ledger.events.saveCheckpoint(size, note)
  } finally {
    await ledger.close()
  }
}
