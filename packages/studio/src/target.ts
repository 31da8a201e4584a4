import { AmcError, type TargetConfig, targetConfigSchema } from "@amc/core"
import { stringify } from "yaml"
import { checkAgentId } from "./agent-config.ts"
import { configEvent, openCapture } from "./capture.ts"
import { againstHistory, nothingRecorded, readConfigRecord } from "./config-history.ts"
import { hasLedger } from "./ledger-reader.ts"
import { type LoadedConfig, loadConfig, writeConfig } from "./signed-config.ts"
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
 * @throws {@link AmcError} `usage/invalid`, `input/malformed`; as {@link openCapture}
 */
export async function setTarget(
  workspace: Workspace,
  { agent, layers, questions, clock }: TargetTerms,
): Promise<LoadedConfig<TargetConfig>> {
  checkAgentId(agent)
  const capture = await openCapture(workspace, { clock })
  try {
    const path = targetPath(agent)
    const source = stringify({ v: 1, agent, layers, questions })
    const last = capture.configHistory.get(path)?.version
    const config = await writeConfig(
      capture.workspace,
      path,
      source,
      targetConfigSchema,
      capture.notary,
      last,
    )
    await capture.recorder.record(configEvent(config))
    return config
  } finally {
    await capture.close()
  }
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
