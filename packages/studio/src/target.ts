import { AmcError, type TargetConfig, targetConfigSchema } from "@amc/core"
import { checkAgentId } from "./agent-config.ts"
import { changeConfig } from "./config-change.ts"
import { againstHistory, nothingRecorded, readConfigRecord } from "./config-history.ts"
import { hasLedger } from "./ledger-reader.ts"
import { type LoadedConfig, loadConfig } from "./signed-config.ts"
import type { Workspace } from "./workspace.ts"

/** The levels that an agent is to reach, by layer and by question. */
export interface TargetTerms {
  readonly agent: string
  readonly layers: Readonly<Record<string, number>>
  readonly questions: Readonly<Record<string, number>>
  readonly clock: () => number
}

function targetPath(agent: string): string {
  return `targets/${agent}.yaml`
}

/**
 * Signs an agent's target and records it. It takes the place of the one that was there.
 *
 * @throws {@link AmcError} `usage/invalid`, `input/malformed`; as {@link changeConfig}
 */
export async function setTarget(
  workspace: Workspace,
  { agent, layers, questions, clock }: TargetTerms,
): Promise<LoadedConfig<TargetConfig>> {
  checkAgentId(agent)
  return changeConfig(workspace, { clock }, () => ({
    path: targetPath(agent),
    value: { v: 1, agent, layers, questions },
    schema: targetConfigSchema,
  }))
}

/** An agent's target, whatever its signature is worth. @throws {@link AmcError} `workspace/missing`, `input/malformed` */
export async function readTarget(
  workspace: Workspace,
  agent: string,
  now: number,
): Promise<LoadedConfig<TargetConfig>> {
  checkAgentId(agent)
  const { history } = hasLedger(workspace) ? await readConfigRecord(workspace) : nothingRecorded
  return againstHistory(loadConfig(workspace, targetPath(agent), targetConfigSchema, now), history)
}

/** The same, if it is the auditor's word. @throws {@link AmcError} `input/malformed`; as {@link readTarget} */
export async function signedTarget(
  workspace: Workspace,
  agent: string,
  now: number,
): Promise<TargetConfig> {
  const { value, flaw, path } = await readTarget(workspace, agent, now)
  if (flaw === null) return value
  throw new AmcError("input/malformed", `${flaw.detail}, so it is nobody's target`, {
    hint: `look at what it says, then sign it with 'amc config sign ${path}'`,
  })
}
